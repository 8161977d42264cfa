"""Merges: one representative for each value, contradictions refused, rejected lines stay off."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.attributes.synonyms import Merge, Synonyms
from gram_jax.core.errors import InputError


def _merge(source, target, status="learned", p_value=1e-5):
    return Merge(source, target, "category", status, 3, p_value)


def _targets(*merges):
    return {source: value for source, (_, value) in Synonyms(merges).representatives.items()}


def test_chains_end_at_one_representative():
    assert _targets(_merge("a1", "b1"), _merge("b1", "c1"), _merge("d1", "b1")) == {
        "a1": "c1", "b1": "c1", "d1": "c1"}


def test_given_goes_before_learned_and_the_likelier_before_the_other():
    assert _targets(_merge("a1", "b1", p_value=0.0), _merge("a1", "c1", "given")) == {"a1": "c1"}
    assert _targets(_merge("a1", "b1", p_value=0.1), _merge("a1", "c1", p_value=0.01)) == {
        "a1": "c1"}


def test_rejected_pairs_stay_off_either_way_round():
    reviewed = Synonyms((_merge("a1", "b1", "rejected"),))
    joined = reviewed.joined_by(Synonyms((_merge("b1", "a1"), _merge("c1", "a1"))))
    assert {source: value for source, (_, value) in joined.representatives.items()} == {
        "c1": "a1"}


def test_a_learned_merge_that_closes_a_circle_is_left_out():
    assert _targets(_merge("a1", "b1", p_value=0.0), _merge("b1", "a1")) == {"a1": "b1"}
    assert _targets(_merge("b1", "a1", "given"), _merge("a1", "b1", p_value=0.0)) == {"b1": "a1"}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.floats(0, 1)), max_size=15))
def test_representatives_stand_for_themselves(edges):
    targets = _targets(*[_merge(f"v{one}", f"v{other}", p_value=p) for one, other, p in edges
                         if one != other])
    assert not targets.keys() & set(targets.values())


@pytest.mark.parametrize(("lines", "problem", "line"), [
    (['{"from": "a1", "to": "b1", "type": "brand"}', '{"from": "a1", "to": "c1", "type": "brand"}'],
     "two meanings", 2),
    (['{"from": "a1", "to": "b1", "type": "brand"}', "",
      '{"from": "b1", "to": "a1", "type": "brand"}'], "stand for the other", 3),
    (["{"], "no merge", 1), (["[]"], "no merge", 1), (['{"from": "a1"}'], "'to' is missing", 1),
    (['{"from": "a1", "to": "A1", "type": "brand"}'], "merged with itself", 1),
    (['{"from": "!", "to": "b1", "type": "brand"}'], "empty", 1),
    (['{"from": "a1", "to": "b1", "type": "shoe"}'], "none of brand, category", 1),
    (['{"from": "a1", "to": "b1", "type": "brand", "status": "maybe"}'], "maybe", 1),
    (['{"from": "a1", "to": "b1", "type": "brand", "staus": "given"}'], "staus", 1),
    (['{"from": "a1", "to": 3, "type": "brand"}'], "are texts", 1)])
def test_what_is_no_list_of_synonyms_is_refused(tmp_path, lines, problem, line):
    path = tmp_path / "synonyms.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match=problem) as error:
        Synonyms.load(path, types=["brand", "category"])
    assert f"{path}, line {line}:" in str(error.value) and "Remedy" in str(error.value)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        Synonyms.load(tmp_path / "none.jsonl")


def test_saved_synonyms_read_back_and_hand_written_lines_need_no_figures(tmp_path):
    merges = (_merge("sneaker", "running shoe"), _merge("a1", "b1", "rejected"))
    path = tmp_path / "synonyms.jsonl"
    Synonyms(merges).save(path)
    assert set(Synonyms.load(path).merges) == set(merges)
    path.write_text(json.dumps({"from": "Sneakers", "to": "Running Shoes", "type": "category"}))
    (merge,) = Synonyms.load(path).merges
    assert (merge.source, merge.target, merge.status) == ("sneaker", "running shoe", "given")
