"""Figures from arrays are those of ir_measures, query by query."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.core.runs import RankedList, Run
from gram_jax.evaluation.comparison import array_figures
from gram_jax.evaluation.comparison.answers import Judged, answers_of_run
from gram_jax.evaluation.comparison.array_figures import answer_figures, recall_curve
from gram_jax.evaluation.comparison.compare import COMPARED
from gram_jax.evaluation.metrics import query_figures

MEASURES = {**COMPARED, "esci": "nDCG(gains={3:100,2:10,1:1,0:0})@10", "ndcg": "nDCG",
            "rr": "RR(rel=3)", "recall@1": "R(rel=1)@1"}


def random_case(seed):
    """Few and many products, unanswered queries, empty lists, ties, queries without judgments."""
    rng = np.random.default_rng(seed)
    products = [f"p{at:03}" for at in range(60)]
    qrels, lists = {}, []
    for query in range(6):
        judged = rng.choice(products, rng.integers(0, 20), replace=False)
        qrels[f"q{query}"] = {str(p): int(rng.integers(0, 4)) for p in judged}
        if rng.random() < 0.2:
            continue
        listed = rng.permutation(products)[:rng.integers(0, 60)]
        scores = np.sort(rng.integers(-3, 3, len(listed)))[::-1] / 7
        lists.append(RankedList(f"q{query}", tuple(map(str, listed)), tuple(scores.tolist())))
    qrels["sure"] = {"p000": 3}
    return qrels, Run("random", tuple(lists))


def figures_of(qrels, run, measures):
    judged = Judged.of(qrels)
    answers = answers_of_run(run, judged)
    found = answer_figures(answers, judged.grades_of(answers.products), judged, measures)
    return judged, answers, found


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100_000))
def test_every_figure_of_every_query_is_that_of_ir_measures(seed):
    qrels, run = random_case(seed)
    judged, _, found = figures_of(qrels, run, MEASURES)
    for name, expected in query_figures(run, qrels, MEASURES).items():
        np.testing.assert_allclose(found[list(MEASURES).index(name)],
                                   [expected[query_id] for query_id in judged.query_ids],
                                   atol=1e-12, err_msg=name)


def test_the_usual_measures_are_not_left_to_ir_measures(monkeypatch):
    monkeypatch.setattr(array_figures, "query_figures", None)
    figures_of(*random_case(1), MEASURES)


def test_other_measures_are_asked_of_ir_measures():
    qrels, run = random_case(2)
    measures = {"map": "AP(rel=2)", "recall@10": "R(rel=2)@10", "p": "SetP(rel=2)"}
    judged, _, found = figures_of(qrels, run, measures)
    for at, expected in enumerate(query_figures(run, qrels, measures).values()):
        np.testing.assert_allclose(found[at], [expected[query] for query in judged.query_ids],
                                   atol=1e-12)


def test_the_recall_curve_passes_through_the_recalls():
    qrels, run = random_case(3)
    depths = (1, 2, 10, 30)
    judged, answers, found = figures_of(
        qrels, run, {str(depth): f"R(rel=2)@{depth}" for depth in depths})
    curve = recall_curve(judged.grades_of(answers.products), judged)
    assert curve[[depth - 1 for depth in depths]] == pytest.approx(found.mean(axis=1))
    assert (np.diff(curve) >= 0).all()


def test_a_run_without_an_answer_has_no_figure_and_no_curve():
    judged, answers, found = figures_of({"q": {"p": 3}}, Run("r", ()), MEASURES)
    assert not found.any()
    assert recall_curve(judged.grades_of(answers.products), judged).shape == (0,)
