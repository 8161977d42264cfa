import pytest

from gram_jax.core.runs import RankedList, Run
from gram_jax.evaluation.comparison.compare import SamplingSettings, compare_runs
from gram_jax.evaluation.comparison.disagreements import Shelf, ShownProduct


def test_the_largest_differences_come_first_and_go_in_the_right_direction(comparison):
    ndcg = comparison.place("ndcg@10")
    for found in comparison.disagreements:
        method = comparison.methods.index(found.method)
        off = comparison.figures[method, ndcg] - comparison.figures[0, ndcg]
        for examples, sign in ((found.gains, 1), (found.losses, -1)):
            differences = [example.figure - example.baseline_figure for example in examples]
            largest = sorted((sign * off)[sign * off > 1e-9], reverse=True)[:4]
            assert [sign * difference for difference in differences] == pytest.approx(largest)


def test_each_example_shows_what_both_methods_answered(comparison, runs, shop):
    lists = [{ranked.query_id: ranked for ranked in run.ranked_lists} for run in runs]
    titles = {product.product_id: product.title for product in shop.products}
    qrels = shop.qrels("test")
    for found in comparison.disagreements:
        mine = lists[comparison.methods.index(found.method)]
        for example in found.gains + found.losses:
            grades = qrels[example.query_id]
            assert example.num_relevant == sum(grade >= 2 for grade in grades.values())
            pair = (mine[example.query_id], lists[0][example.query_id])
            for shown, one, other in ((example.products, *pair),
                                      (example.baseline_products, *pair[::-1])):
                assert [product.product_id for product in shown] == list(one.product_ids[:6])
                for at, product in enumerate(shown):
                    assert product.title == titles[product.product_id]
                    assert product.grade == grades.get(product.product_id)
                    assert product.code == (one.codes[at] if one.codes else "")
                    assert product.rank_of_other == (
                        other.product_ids.index(product.product_id) + 1
                        if product.product_id in other.product_ids else None)


def test_texts_that_are_not_known_are_shown_by_their_ids_and_equals_are_no_example():
    qrels = {"q1": {"a": 2}, "q2": {"a": 2}}

    def run(name, answered):
        return Run(name, tuple(RankedList(query_id, ("a",), (1.0,)) for query_id in answered))

    found = compare_runs([run("base", ["q1"]), run("other", ["q1", "q2"])], qrels,
                         shelf=Shelf({}, {}), settings=SamplingSettings(num_draws=10))
    (only,) = found.disagreements
    assert only.losses == ()
    (gain,) = only.gains
    assert (gain.text, gain.figure, gain.baseline_figure) == ("q2", 1.0, 0.0)
    assert gain.products == (ShownProduct("a", "a", 2, None, ""),)
    assert gain.baseline_products == ()
