"""A comparison says what slower, plainer ways say: by figure, by test, by slice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.core.runs import RankedList, Run
from gram_jax.evaluation.bootstrap import mean_intervals
from gram_jax.evaluation.comparison.compare import (
    COMPARED,
    RELR_OF_MODEL,
    MethodCosts,
    SamplingSettings,
    compare_runs,
)
from gram_jax.evaluation.comparison.disagreements import Shelf
from gram_jax.evaluation.comparison.slices import by_length
from gram_jax.evaluation.metrics import query_figures
from gram_jax.evaluation.significance import holm, paired_randomisation

FEW = SamplingSettings(num_swaps=200, num_draws=50)


def run_of(name, lists):
    return Run(name, tuple(
        RankedList(query_id, tuple(products), tuple(float(-at) for at in range(len(products))))
        for query_id, products in lists.items()))


def test_figures_means_and_distinct_products_are_those_of_the_runs(comparison, runs, shop):
    qrels = shop.qrels("test")
    for method, run in enumerate(runs):
        expected = query_figures(run, qrels, COMPARED)
        for at, name in enumerate(COMPARED):
            np.testing.assert_allclose(
                comparison.figures[method, at],
                [expected[name][query_id] for query_id in comparison.query_ids], atol=1e-12)
            assert comparison.means[method, at] == pytest.approx(
                np.mean(list(expected[name].values())))
        lengths = {ranked.query_id: len(ranked.product_ids) for ranked in run.ranked_lists}
        assert comparison.num_products[method] == pytest.approx(
            np.mean([lengths[query_id] for query_id in comparison.query_ids]))
    assert comparison.methods == tuple(run.name for run in runs)
    assert comparison.depth <= 200


def test_tests_are_the_paired_ones_and_the_family_is_all_pairs_of_a_measure(comparison):
    one, other = np.triu_indices(5, 1)
    for measure in range(len(COMPARED)):
        by_pair = comparison.p_values[one, other, measure]
        np.testing.assert_array_equal(comparison.corrected[one, other, measure], holm(by_pair))
        np.testing.assert_array_equal(comparison.corrected[other, one, measure], holm(by_pair))
        for pair in ((0, 1), (2, 3), (0, 4)):
            figures = [dict(enumerate(comparison.figures[method, measure].tolist()))
                       for method in pair]
            # Both draw 10,000 swaps: five standard errors of the difference of two shares.
            expected = paired_randomisation(*figures, seed=1)
            bound = 5 * np.sqrt(2 * expected * (1 - expected) / 10_000) + 1e-3
            assert comparison.p_values[pair][measure] == pytest.approx(expected, abs=bound)


def test_intervals_are_of_means_and_of_differences_to_the_baseline(comparison):
    ndcg = comparison.place("ndcg@10")
    for method in range(5):
        figures = comparison.figures[method, ndcg]
        off = figures - comparison.figures[0, ndcg]
        low, high = mean_intervals(np.stack([figures, off], axis=1))
        assert (comparison.low[method, ndcg], comparison.high[method, ndcg]) == pytest.approx(
            (low[0], high[0]))
        assert (comparison.difference_low[method, ndcg],
                comparison.difference_high[method, ndcg]) == pytest.approx((low[1], high[1]))
    assert not comparison.difference_low[0].any()


def test_slices_are_means_over_their_queries(comparison, shop):
    texts = {query.query_id: query.text for query in shop.queries}
    family = by_length([texts[query_id] for query_id in comparison.query_ids])
    found = next(family for family in comparison.slices if family.name == "query length")
    assert found.num_queries.sum() == len(comparison.query_ids)
    for name, num, means in zip(found.slices, found.num_queries, found.means):
        members = family.members[family.slices.index(name)]
        assert num == members.sum() > 0
        np.testing.assert_allclose(means, comparison.figures[:, :, members].mean(axis=2))
    assert (found.difference_low <= found.means - found.means[:, :1] + 1e-9).all()
    assert (found.difference_high >= found.means - found.means[:, :1] - 1e-9).all()


def test_better_equal_and_worse_are_all_queries(comparison):
    for name in comparison.measures:
        counts = comparison.outcomes(name)
        assert (counts.sum(axis=1) == len(comparison.query_ids)).all()
        assert counts[0].tolist() == [0, len(comparison.query_ids), 0]
    figures = comparison.figures[:, comparison.place("mrr@10")]
    assert comparison.outcomes("mrr@10")[1, 0] == (figures[1] > figures[0]).sum()


def test_relr_of_a_model_is_a_measure_where_scores_are_given():
    qrels = {"q": {"a": 2}}
    found = compare_runs([run_of("one", {"q": "ab"}), run_of("two", {"q": "bc"})], qrels,
                         relevance={"q": {"a": 0.9, "b": 0.2, "c": 0.1}}, settings=FEW)
    assert list(found.measures) == [*COMPARED, RELR_OF_MODEL]
    assert found.means[:, -1].tolist() == [0.5, 0.0]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_any_runs_can_be_compared(seed, num_methods):
    """Ties, queries nobody judged or answered, empty lists, empty runs: figures stay in 0..1."""
    rng = np.random.default_rng(seed)
    products = [f"p{at}" for at in range(12)]
    qrels = {f"q{at}": {p: int(rng.integers(0, 4)) for p in products[:rng.integers(0, 12)]}
             for at in range(5)} | {"sure": {"p1": 2}}
    runs = [run_of(f"m{method}", {
        query_id: rng.permutation(products)[:rng.integers(0, 12)].tolist()
        for query_id in [*qrels, "stranger"] if rng.random() < 0.7} if rng.random() < 0.8 else {})
        for method in range(num_methods)]
    found = compare_runs(runs, qrels, settings=FEW, shelf=Shelf({}, {}), slices=[
        by_length(["a"] * sum(any(g >= 2 for g in row.values()) for row in qrels.values()))])
    assert ((found.figures >= 0) & (found.figures <= 1 + 1e-12)).all()
    assert (found.low <= found.means + 1e-9).all()
    assert (found.high >= found.means - 1e-9).all()
    assert ((found.corrected > 0) & (found.corrected <= 1)).all()
    assert (found.corrected >= found.p_values - 1e-12).all()
    assert len(found.disagreements) == num_methods - 1


def test_what_cannot_be_compared_is_refused():
    qrels, one = {"q": {"a": 2}}, run_of("one", {"q": "a"})
    for runs, options, problem in (
            ([one, one], {}, "names of their own"), ([], {}, "none is given"),
            ([one], {"baseline": "BM25"}, "'BM25' is none of the methods one"),
            ([one], {"costs": {"two": MethodCosts()}}, "'two' is none"),
            ([one], {"headline": "err@20"}, "'err@20' is none of recall@10")):
        with pytest.raises(ValueError, match=problem):
            compare_runs(runs, qrels, settings=FEW, **options)
    with pytest.raises(ValueError, match="no query has a relevant product"):
        compare_runs([one], {"q": {"a": 1}})
