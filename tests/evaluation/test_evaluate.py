import pytest

from gram_jax.core.records import Query
from gram_jax.core.runs import RankedList, Run
from gram_jax.evaluation.evaluate import distinct_products, method_result, timed_run
from gram_jax.evaluation.metrics import MEASURES


class Echo:
    """Answers every query with as many products as its text has letters, at most k."""

    name = "echo"

    def __init__(self):
        self.asked = []

    def retrieve(self, queries, *, k):
        for query in queries:
            self.asked.append(query.query_id)
            products = tuple(sorted(set(query.text)))[:k]
            yield RankedList(query.query_id, products, tuple(-float(i) for i in
                                                             range(len(products))))


def test_a_timed_run_answers_every_query_once_and_in_order():
    queries = [Query("1", "ab"), Query("2", ""), Query("3", "abcd")]
    run, milliseconds = timed_run(Echo(), queries, k=3)
    assert [ranked.query_id for ranked in run.ranked_lists] == ["1", "2", "3"]
    assert run.name == "echo"
    assert milliseconds > 0
    assert distinct_products(run) == pytest.approx((2 + 0 + 3) / 3)


def test_no_queries_make_an_empty_run():
    run, milliseconds = timed_run(Echo(), [], k=3)
    assert run.ranked_lists == ()
    assert milliseconds >= 0
    assert distinct_products(run) == 0


def test_a_result_holds_the_figures_and_the_p_values_against_the_baseline():
    qrels = {f"q{i}": {"right": 3} for i in range(20)}
    good = Run("good", tuple(RankedList(q, ("right",), (1.0,)) for q in qrels))
    bad = Run("bad", tuple(RankedList(q, ("wrong",), (1.0,)) for q in qrels))
    result = method_result(good, qrels, ms_per_query=2.0, invalid_code_share=0.0, baseline=bad)
    assert result.figures == dict.fromkeys(MEASURES, 1.0)
    assert max(result.p_values.values()) < 0.01
    assert method_result(bad, qrels).p_values == {}
