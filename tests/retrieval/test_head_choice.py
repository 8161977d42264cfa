import pytest

from gram_jax.core.records import Click
from gram_jax.core.runs import Run
from gram_jax.evaluation.metrics import mean_figures, query_figures
from gram_jax.retrieval.generative import GenerativeRetriever
from gram_jax.retrieval.head_choice import choose_head


@pytest.fixture(scope="module")
def choice(world):
    return choose_head(
        world.config, world.params, world.index, world.vocabulary,
        train_queries=world.queries[:4], clicks=[Click(f"q{i}", f"p{i}") for i in range(4)],
        tune_queries=world.queries[4:], tune_qrels=qrels(), beam_size=4, batch_size=4,
        max_query_length=8, k=5)


def qrels():
    return {"q4": {"p1": 3, "p2": 2}, "q5": {"p3": 3}, "q6": {"p5": 2, "p6": 1}}


def test_every_head_is_tried_with_every_reduce_before_and_after_fitting(choice):
    assert len({way.name for way in choice.tried}) == 8
    assert {(way.scoring.head, way.scoring.reduce) for way in choice.tried} == {
        (head, reduce) for head in ("jensen_shannon", "log_prob_sum")
        for reduce in ("best", "sum")}


def test_the_chosen_one_is_the_best_and_its_figures_are_those_of_a_search(world, choice):
    best = choice.tried[0]
    assert choice.scoring is best.scoring
    recalls = [round(way.figures["recall@300"], 3) for way in choice.tried]
    assert recalls == sorted(recalls, reverse=True)
    retriever = GenerativeRetriever(
        world.config, world.params, world.index, world.vocabulary, head=best.scoring.head,
        reduce=best.scoring.reduce, score_params=best.scoring.params, beam_size=4, batch_size=4,
        max_query_length=8)
    run = Run("again", tuple(retriever.retrieve(world.queries[4:], k=5)))
    again = mean_figures(query_figures(run, qrels()))
    for name, figure in best.figures.items():
        assert figure == pytest.approx(again[name])
