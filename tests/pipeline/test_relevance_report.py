"""The report on relevance labels pairs as clicks and grades say, and measures those pairs."""

import numpy as np
import pytest

from gram_jax.alignment.negatives import Clicked, Negatives, NegativeSettings
from gram_jax.baselines.bm25 import BM25Retriever
from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.examples import product_text
from gram_jax.evaluation.auc import area_under_roc
from gram_jax.pipeline.relevance_report import LabelledPairs, PairScores, areas
from gram_jax.testing.scripted_relevance import ScriptedRelevance
from gram_jax.testing.tiny_catalog import tiny_shop

SHOP = tiny_shop()
QUERIES = [query.text for query in SHOP.queries]
PRODUCTS = [product_text(product) for product in SHOP.products]


def test_graded_pairs_are_good_from_grade_two_on():
    pairs = LabelledPairs.of_grades(SHOP, "test")
    grades = SHOP.qrels("test")
    assert len(pairs.queries) == sum(map(len, grades.values()))
    for query, product, is_good in zip(pairs.queries, pairs.products, pairs.is_good):
        grade = grades[SHOP.query_ids[query]][SHOP.product_ids[product]]
        assert is_good == (grade >= 2)
    assert pairs.tells and not LabelledPairs.of_grades(SHOP, "train").tells


@pytest.fixture(scope="module")
def clicked_pairs():
    clicks = SHOP.click_table("train")
    place_of = {query_id: place for place, query_id in enumerate(SHOP.query_ids)}
    query_of_row = np.array([place_of[query_id] for query_id in clicks.query_ids])
    texts = [QUERIES[query] for query in query_of_row]
    negatives = Negatives(
        NegativeSettings(near=1, sharing=1, in_batch=1), Clicked(clicks, texts, len(PRODUCTS)),
        np.full((len(texts), 1), -1, np.int32),
        CodeTable.build({Code("all", (("category", "all"),)): range(12)}, SHOP.product_ids))
    return clicks, LabelledPairs.of_clicks(query_of_row, clicks.rows, clicks.products, negatives,
                                           seed=0)


def test_clicks_are_good_and_their_negatives_are_not(clicked_pairs):
    clicks, pairs = clicked_pairs
    clicked = {(click.query_id, click.product_id) for click in SHOP.clicks_of("train")}
    assert pairs.is_good.sum() == len(clicks.products) and len(pairs.queries) == 4 * len(
        clicks.products)
    for query, product, is_good, kind in zip(pairs.queries, pairs.products, pairs.is_good,
                                             pairs.kinds):
        assert ((SHOP.query_ids[query], SHOP.product_ids[product]) in clicked) == is_good
        assert (kind == -1) == is_good
    again = [pairs.queries[~pairs.is_good][kind::3] for kind in range(3)]
    np.testing.assert_array_equal(again[0], again[1])


def test_areas_are_those_of_each_way_to_tell(clicked_pairs):
    _, pairs = clicked_pairs
    bm25 = BM25Retriever(SHOP.products)
    model = ScriptedRelevance(lambda query, product: len(product))
    scores = PairScores(model, bm25, QUERIES, PRODUCTS).of(pairs)
    assert set(scores) == {"relevance model", "word overlap", "BM25"}
    np.testing.assert_allclose(scores["BM25"], [
        bm25.scores(QUERIES[query])[product]
        for query, product in zip(pairs.queries, pairs.products)])
    found = areas(pairs, scores)
    assert found["pairs"] == len(pairs.queries) and found["good"] == pairs.is_good.sum()
    for name, values in scores.items():
        assert found[name]["auc"] == pytest.approx(area_under_roc(values, pairs.is_good), abs=1e-4)
        of_kind = pairs.is_good | (pairs.kinds == 1)
        assert found[name]["auc, sharing"] == pytest.approx(
            area_under_roc(values[of_kind], pairs.is_good[of_kind]), abs=1e-4)
    assert found["BM25"]["auc"] > 0.6 > found["relevance model"]["auc"]
