import json

import pytest

from gram_jax.core.records import Click
from gram_jax.core.runs import Run
from gram_jax.evaluation.metrics import mean_figures, query_figures
from gram_jax.retrieval.generative import GenerativeRetriever
from gram_jax.retrieval.head_choice import choose_head
from gram_jax.retrieval.learned_choice import LearnedHeadSettings
from gram_jax.retrieval.learned_fitting import LearnedFitSettings

LEARNED = LearnedHeadSettings(embedding_size=8, num_candidates=16, fits=(
    LearnedFitSettings(hidden_size=0, num_epochs=2), LearnedFitSettings(num_epochs=2)))


@pytest.fixture(scope="module")
def choice(world):
    return choose_head(
        world.config, world.params, world.index, world.vocabulary,
        train_queries=world.queries[:4], clicks=[Click(f"q{i}", f"p{i}") for i in range(4)],
        tune_queries=world.queries[4:], tune_qrels=qrels(), beam_size=4, batch_size=4,
        max_query_length=8, k=5, learned=LEARNED)


def qrels():
    return {"q4": {"p1": 3, "p2": 2}, "q5": {"p3": 3}, "q6": {"p5": 2, "p6": 1}}


def test_every_head_is_tried_with_every_reduce_before_and_after_fitting(choice):
    plain = [way for way in choice.tried if way.scoring.head != "learned"]
    assert len({way.name for way in plain}) == len(plain) == 8
    assert {(way.scoring.head, way.scoring.reduce) for way in plain} == {
        (head, reduce) for head in ("jensen_shannon", "log_prob_sum")
        for reduce in ("best", "sum")}


def test_the_learned_head_is_tried_with_every_setting_and_with_fewer_features(choice):
    learned = [way for way in choice.tried if way.scoring.head == "learned"]
    assert sorted(way.family for way in learned) == [
        "learned_code", "learned_code_embedding", *["learned_code_embedding_lexical"] * 2]
    assert len({way.name for way in learned}) == 4
    for way in learned:
        groups = {"embedding", "lexical"} & set(way.family.split("_"))
        assert {group for group in ("embedding", "lexical")
                if way.scoring.params.reads(group)} == groups
        assert len(way.settings["judgements"]) == 2
    assert json.loads(json.dumps([way.settings for way in learned]))


def test_the_best_of_each_family_is_kept(choice):
    assert set(choice.best_of_families) == {way.family for way in choice.tried}
    for family, best in choice.best_of_families.items():
        assert best is next(way for way in choice.tried if way.family == family)


def test_groups_that_are_not_served_are_not_tried(world):
    choice = choose_head(
        world.config, world.params, world.index, world.vocabulary,
        train_queries=world.queries[:4], clicks=[Click(f"q{i}", f"p{i}") for i in range(4)],
        tune_queries=world.queries[4:], tune_qrels=qrels(), beam_size=4, batch_size=4,
        max_query_length=8, k=5, heads=(), learned=LearnedHeadSettings(
            groups=("code",), fits=(LearnedFitSettings(num_epochs=1),)))
    assert [way.family for way in choice.tried] == ["learned_code"]


def test_the_chosen_one_is_the_best_and_the_figures_are_those_of_a_search(world, choice):
    assert choice.scoring is choice.tried[0].scoring
    recalls = [round(way.figures["recall@300"], 3) for way in choice.tried]
    assert recalls == sorted(recalls, reverse=True)
    for way in choice.best_of_families.values():
        retriever = GenerativeRetriever(
            world.config, world.params, world.index, world.vocabulary, head=way.scoring.head,
            reduce=way.scoring.reduce, score_params=way.scoring.params, beam_size=4,
            batch_size=4, max_query_length=8)
        run = Run("again", tuple(retriever.retrieve(world.queries[4:], k=5)))
        again = mean_figures(query_figures(run, qrels()))
        for name, figure in way.figures.items():
            assert figure == pytest.approx(again[name])
