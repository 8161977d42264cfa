"""United runs: the sum of unit scores, never worse on the queries that the weight is chosen on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.core.runs import RankedList, Run
from gram_jax.evaluation.fusion import fuse, tune_fusion
from gram_jax.evaluation.metrics import mean_figures, query_figures

PRODUCTS = "abcdefgh"
scored = st.dictionaries(st.sampled_from(PRODUCTS), st.integers(-9, 9), max_size=6)


def ranked(scores, query_id="q", codes=False):
    order = sorted(scores, key=lambda name: (-scores[name], name))
    return RankedList(query_id, tuple(order), tuple(float(scores[name]) for name in order),
                      tuple(f"code {name}" for name in order) if codes else ())


def unit(scores, name):
    low, high = min(scores.values(), default=0), max(scores.values(), default=0)
    if name not in scores:
        return 0.0
    return (scores[name] - low) / (high - low) if high > low else 1.0


@given(scored, scored, st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.integers(1, 9))
def test_scores_are_the_weighted_sum_of_unit_scores(first, second, weight, k):
    (found,) = fuse(Run("A", (ranked(first),)), Run("B", (ranked(second),)), weight=weight,
                    k=k).ranked_lists
    expected = {name: weight * unit(first, name) + (1 - weight) * unit(second, name)
                for name in first.keys() | second.keys()}
    assert len(found.product_ids) == min(k, len(expected))
    assert dict(zip(found.product_ids, found.scores)) == pytest.approx(
        {name: expected[name] for name in found.product_ids})
    left = [score for name, score in expected.items() if name not in found.product_ids]
    assert max(left, default=0) <= min(found.scores, default=0) + 1e-9


def test_a_product_keeps_the_code_that_found_it():
    found = fuse(Run("A", (ranked({"a": 2, "b": 1}, codes=True),)),
                 Run("B", (ranked({"c": 3, "a": 1}),)), weight=0.5, k=9)
    (answer,) = found.ranked_lists
    assert found.name == "A+B"
    assert dict(zip(answer.product_ids, answer.codes)) == {"a": "code a", "b": "code b", "c": ""}


def test_runs_of_other_queries_are_refused():
    with pytest.raises(ValueError, match="different queries"):
        fuse(Run("A", (ranked({}, "q"),)), Run("B", (ranked({}, "p"),)), weight=0.5, k=1)


def test_the_chosen_weight_is_no_worse_than_either_run_alone():
    first = Run("A", (ranked({"a": 3, "b": 2, "c": 1}, "q"), ranked({"d": 1, "e": 0}, "p")))
    second = Run("B", (ranked({"c": 3, "h": 2, "d": 1}, "q"), ranked({"f": 2, "g": 1}, "p")))
    qrels = {"q": {"c": 3, "a": 2}, "p": {"g": 2, "d": 3}}
    tuned = tune_fusion(first, second, qrels, k=3)
    best = sum(tuned.figures[tuned.weight].values())
    for run in (first, second):
        figures = mean_figures(query_figures(run, qrels))
        assert best >= sum(figures[name] for name in tuned.figures[tuned.weight]) - 1e-9
    assert 0 < tuned.weight < 1
