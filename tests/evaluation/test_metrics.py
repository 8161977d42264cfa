import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.core.errors import ConfigError
from gram_jax.core.runs import RankedList, Run
from gram_jax.evaluation.metrics import (
    MEASURES,
    evaluated_queries,
    mean_figures,
    measures_with,
    query_figures,
)
from gram_jax.evaluation.trec import read_qrels, read_run, write_qrels, write_run

GAINS = {0: 0, 1: 1, 2: 3, 3: 7}


def oracle(name, product_ids, grades):
    """Each measure as its definition reads, on the order of the list."""
    if name == "relr":
        judged = [grades[name] for name in product_ids if name in grades]
        return sum(grade >= 2 for grade in judged) / max(len(judged), 1)
    measure, depth = name.split("@")
    top = [grades.get(product_id, 0) for product_id in product_ids[:int(depth)]]
    relevant = sum(grade >= 2 for grade in grades.values())
    if measure == "recall":
        return sum(grade >= 2 for grade in top) / relevant
    if measure == "mrr":
        return next((1 / rank for rank, grade in enumerate(top, 1) if grade >= 2), 0.0)
    ideal = sorted((GAINS[grade] for grade in grades.values()), reverse=True)[:int(depth)]
    discounts = 1 / np.log2(np.arange(2, 2 + int(depth)))
    found = np.array([GAINS[grade] for grade in top])
    return found @ discounts[:len(found)] / (np.array(ideal) @ discounts[:len(ideal)])


def random_case(seed, num_queries=6):
    """Grades, and lists with many tied scores whose order does not follow the ids."""
    rng = np.random.default_rng(seed)
    products = [f"p{i:03}" for i in range(400)]
    qrels, lists = {}, []
    for query in range(num_queries):
        judged = rng.choice(products, rng.integers(1, 40), replace=False)
        qrels[f"q{query}"] = {str(p): int(rng.integers(0, 4)) for p in judged}
        listed = rng.permutation(products)[:rng.integers(0, 350)]
        scores = np.sort(rng.integers(-3, 3, len(listed)))[::-1] / 7
        lists.append(RankedList(f"q{query}", tuple(map(str, listed)), tuple(scores.tolist())))
    return qrels, Run("random", tuple(lists))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_every_figure_is_its_definition_on_the_order_of_the_list(seed):
    qrels, run = random_case(seed)
    figures = query_figures(run, qrels)
    assert list(figures) == list(MEASURES)
    lists = {ranked.query_id: ranked.product_ids for ranked in run.ranked_lists}
    for name, values in figures.items():
        assert tuple(values) == evaluated_queries(qrels)
        for query_id, value in values.items():
            assert value == pytest.approx(oracle(name, lists[query_id], qrels[query_id])), name


def test_a_run_read_back_from_its_file_has_the_same_figures(tmp_path):
    qrels, run = random_case(3)
    write_run(tmp_path / "run", run)
    write_qrels(tmp_path / "qrels", qrels)
    assert query_figures(read_run(tmp_path / "run"), read_qrels(tmp_path / "qrels")) == (
        query_figures(run, qrels))


def test_queries_without_a_relevant_product_are_left_out_and_unanswered_ones_count_zero():
    qrels = {"answered": {"p": 2}, "unanswered": {"p": 3}, "empty": {"p": 3},
             "irrelevant": {"p": 1, "r": 0}, "unjudged": {}}
    run = Run("r", (RankedList("answered", ("p",), (1.0,)), RankedList("irrelevant", ("p",), (1.,)),
                    RankedList("empty", (), ()), RankedList("stranger", ("p",), (1.0,))))
    figures = query_figures(run, qrels)
    assert figures["recall@10"] == {"answered": 1.0, "unanswered": 0.0, "empty": 0.0}
    assert mean_figures(figures)["mrr@10"] == pytest.approx(1 / 3)


def test_nothing_to_measure_is_zero():
    assert mean_figures(query_figures(Run("r", ()), {})) == dict.fromkeys(MEASURES, 0.0)
    assert mean_figures(query_figures(Run("r", ()), {"q": {"p": 3}}))["recall@10"] == 0.0


def test_a_data_sets_own_gains_stand_behind_the_usual_measures():
    measures = measures_with({"ndcg@10 (ESCI)": "nDCG(gains={3:100,2:10,1:1,0:0})@10"})
    assert list(measures) == [*MEASURES, "ndcg@10 (ESCI)"]
    qrels = {"q": {"exact": 3, "substitute": 2, "complement": 1, "irrelevant": 0}}
    run = Run("r", (RankedList("q", ("complement", "exact", "irrelevant"), (3.0, 2.0, 1.0)),))
    found = query_figures(run, qrels, measures)["ndcg@10 (ESCI)"]["q"]
    ideal = 100 + 10 / np.log2(3) + 1 / np.log2(4)
    assert found == pytest.approx((1 + 100 / np.log2(3)) / ideal)
    assert measures_with({}) == dict(MEASURES)


@pytest.mark.parametrize("others", [
    ["nDCG(gains={3:100,2:10,1:1,0:0})@10"], [MEASURES["ndcg@10"]], list(MEASURES.values())])
@pytest.mark.parametrize("text", ["nDCG", "nDCG@10"])
def test_plain_ndcg_has_gains_of_its_own_whatever_is_asked_beside_it(text, others):
    qrels, run = random_case(1)
    for order in ([text, *others], [*others, text]):
        found = query_figures(run, qrels, {name: name for name in order})[text]
        for ranked in run.ranked_lists:
            if ranked.query_id in found:
                grades = qrels[ranked.query_id]
                cutoff = 10 if "@" in text else None
                reached, ideal = (
                    sum(gain / np.log2(rank + 2) for rank, gain in enumerate(gains[:cutoff]))
                    for gains in ([grades.get(name, 0) for name in ranked.product_ids],
                                  sorted(grades.values(), reverse=True)))
                assert found[ranked.query_id] == pytest.approx(reached / ideal)


@pytest.mark.parametrize("name, text", [
    ("x", "nDGC@10"), ("x", "nDCG(gain=3)@10"), ("x", "nDCG(gains={3:1@10"), ("x", ""),
    ("recall@10", "P@10"), ("x", MEASURES["ndcg@10"]),
])
def test_a_measure_that_cannot_be_read_or_is_there_already_is_refused(name, text):
    with pytest.raises(ConfigError, match=repr(name)):
        measures_with({name: text})
