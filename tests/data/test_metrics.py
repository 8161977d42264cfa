"""The share of gold codes among the beams, counted one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.data.metrics import gold_code_share

codes = st.sampled_from(["red", "red | shoe", "shoe", "nike"])


@given(st.lists(st.tuples(codes, st.lists(codes)), min_size=1))
def test_share_counts_examples_whose_code_was_generated(examples):
    targets, predictions = zip(*examples)
    found = [target for target, beams in examples if beams.count(target)]
    assert gold_code_share(list(targets), list(predictions)) == {
        "gold_code_share": len(found) / len(examples)}


@given(st.lists(codes, min_size=1))
def test_all_beams_right_is_one_and_no_beam_is_zero(targets):
    assert gold_code_share(targets, [[t] for t in targets]) == {"gold_code_share": 1.0}
    assert gold_code_share(targets, [[] for _ in targets]) == {"gold_code_share": 0.0}


@pytest.mark.parametrize(("targets", "predictions"), [([], []), (["a"], [])])
def test_nothing_to_measure_is_refused(targets, predictions):
    with pytest.raises(ValueError, match="gold codes"):
        gold_code_share(targets, predictions)
