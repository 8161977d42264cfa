"""Exact match: what is counted, and that types add up to the whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.evaluation.spans import MatchCounts, match_by_type, match_values

pairs = st.frozensets(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=6)


@given(st.lists(st.tuples(pairs, pairs), max_size=6))
def test_types_add_up_to_the_whole(texts):
    wanted, found = [row[0] for row in texts], [row[1] for row in texts]
    whole, by_type = match_values(wanted, found), match_by_type(wanted, found).values()
    assert whole == MatchCounts(*(sum(getattr(counts, name) for counts in by_type)
                                  for name in ("right", "found", "wanted")))
    assert 0 <= whole.f1 <= max(whole.precision, whole.recall)
    assert match_values(found, wanted).f1 == whole.f1


def test_a_value_counts_once_a_text_and_under_its_type_only():
    wanted = [{("brand", "nike"), ("color", "red")}, {("color", "red")}]
    found = [{("brand", "nike"), ("series", "red")}, {("color", "red"), ("color", "blue")}]
    counts = match_values(map(frozenset, wanted), map(frozenset, found))
    assert (counts.right, counts.found, counts.wanted) == (2, 4, 3)
    assert counts.precision == 0.5 and counts.recall == pytest.approx(2 / 3)
    assert counts.f1 == pytest.approx(4 / 7)


def test_nothing_found_and_nothing_wanted_are_zero():
    assert MatchCounts(0, 0, 0).figures()["f1"] == 0 == MatchCounts(0, 0, 3).precision


def test_texts_on_one_side_only_are_refused():
    with pytest.raises(ValueError):
        match_values([frozenset()], [])
