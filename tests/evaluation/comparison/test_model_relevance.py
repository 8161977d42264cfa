import pytest

from gram_jax.core.runs import RankedList, Run
from gram_jax.evaluation.comparison.answers import Judged, answers_of_run
from gram_jax.evaluation.comparison.model_relevance import ModelRelevance

SCORES = {"q": {"a": 0.9, "b": 0.5, "c": 0.49, "d": 0.1}, "r": {"a": 0.0}}


@pytest.fixture
def judged():
    return Judged.of({"q": {"a": 2}, "r": {"a": 2}, "s": {"a": 2}})


def answers(judged, lists):
    return answers_of_run(Run("r", tuple(
        RankedList(query_id, tuple(products), tuple(float(-at) for at in range(len(products))))
        for query_id, products in lists.items())), judged)


def test_the_share_is_of_the_products_listed_down_to_the_depth(judged):
    found = answers(judged, {"q": "cadb", "r": "a"})
    assert ModelRelevance.of(SCORES, judged).share(found, judged).tolist() == [0.5, 0.0, 0.0]
    shallow = ModelRelevance.of(SCORES, judged, depth=2, threshold=0.3)
    assert shallow.share(found, judged).tolist() == [1.0, 0.0, 0.0]


def test_a_product_without_a_score_is_refused_within_the_depth_only(judged):
    found = answers(judged, {"q": "ab", "r": "ab"})
    with pytest.raises(ValueError, match=r"1 of 4 products have no relevance score.* query r"):
        ModelRelevance.of(SCORES, judged).share(found, judged)
    assert ModelRelevance.of(SCORES, judged, depth=1).share(found, judged).tolist() == [1, 0, 0]


def test_no_score_at_all_is_refused_where_anything_is_listed(judged):
    nothing = ModelRelevance.of({}, judged)
    assert nothing.share(answers(judged, {}), judged).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="no relevance score"):
        nothing.share(answers(judged, {"q": "a"}), judged)
