"""Fitting finds rules that were planted, keeps the best it saw, and is the same every time."""

import jax
import numpy as np
import pytest

from gram_jax.models.learned_score import EmbeddingMaps, features_of, learned_score
from gram_jax.retrieval.candidate_lists import CandidateLists, collect_lists
from gram_jax.retrieval.device_index import device_index
from gram_jax.retrieval.learned_fitting import (
    LearnedFitSettings,
    fit_learned_score,
    initial_maps,
)
from gram_jax.retrieval.searched import SearchedBatch, stack_beams
from tests.retrieval.conftest import random_beams, random_index, random_learned_head, random_side

NAMES = features_of(["code"])[:6]
EMBEDDED = (*NAMES, "cosine")


def planted_lists(seed, rule, *, names=NAMES, queries=200, candidates=20, d_model=8):
    """One candidate a query has a gain: the one that `rule` of its features puts first."""
    rng = np.random.default_rng(seed)
    features = rng.normal(0, 1, (queries, len(names), candidates)).astype(np.float32)
    features *= np.linspace(0.5, 30, len(names), dtype=np.float32)[:, None]
    products = rng.integers(0, 50, (queries, candidates)).astype(np.int32)
    embeddings = rng.normal(0, 1, (queries, d_model)).astype(np.float32)
    exists = rng.random((queries, candidates)) < 0.9
    scores = np.where(exists, rule(features, products, embeddings), -np.inf)
    gains = np.zeros((queries, candidates), np.float32)
    gains[np.arange(queries), scores.argmax(1)] = rng.integers(1, 4, queries)
    return CandidateLists(names, features, products, gains, exists, embeddings)


def share_first(lists, params):
    """How often the candidate with a gain comes first."""
    scores = np.asarray(learned_score(params, lists.columns(params.features)))
    first = np.where(lists.exists, scores, -np.inf).argmax(1)
    return float((lists.gains[np.arange(len(first)), first] > 0).mean())


def linear_rule(features, products, embeddings):
    weights = np.array([2, -1, 0.5, 0, 0.3, -0.2]) / np.linspace(0.5, 30, 6)
    return np.einsum("qfc,f->qc", features, weights)


def test_a_planted_linear_rule_is_found():
    train, held_out = (planted_lists(seed, linear_rule) for seed in (0, 1))
    fit = fit_learned_score(
        train, np.zeros((50, 8), np.float16), NAMES, None,
        lambda params: share_first(held_out, params), num_scored=100,
        settings=LearnedFitSettings(hidden_size=0, num_epochs=80, patience=80, learning_rate=0.03))
    assert share_first(held_out, fit.params) > 0.85
    assert fit.losses[-1] < 0.4 * fit.losses[0]
    found = fit.params.linear / np.linalg.norm(fit.params.linear)
    expected = np.array([2, -1, 0.5, 0, 0.3, -0.2]) / np.linalg.norm([2, -1, 0.5, 0, 0.3, -0.2])
    assert found @ expected > 0.98


def test_a_hidden_layer_finds_what_a_linear_head_cannot():
    def rule(features, products, embeddings):
        return -np.abs(features[:, 0] / 0.5)

    train, held_out = (planted_lists(seed, rule) for seed in (0, 1))
    shares = [share_first(held_out, fit_learned_score(
        train, np.zeros((50, 8), np.float16), NAMES, None,
        lambda params: share_first(held_out, params), num_scored=100,
        settings=LearnedFitSettings(hidden_size=size, num_epochs=40, patience=40,
                                    learning_rate=0.03)).params) for size in (0, 16)]
    assert shares[0] < 0.4 and shares[1] > 0.7


def test_planted_maps_of_embeddings_are_learned():
    rng = np.random.default_rng(3)
    product_embeddings = rng.normal(0, 1, (50, 8)).astype(np.float16)
    # A query's first four numbers say what a product's last four have to be.
    true_query, true_product = np.eye(8)[:, :4], np.eye(8)[:, 4:]

    def rule(features, products, embeddings):
        theirs = product_embeddings.astype(np.float32)[products] @ true_product
        theirs /= np.linalg.norm(theirs, axis=-1, keepdims=True)
        return np.einsum("qe,qce->qc", embeddings @ true_query, theirs)

    train = planted_lists(0, rule, names=EMBEDDED, queries=600)
    start = initial_maps(product_embeddings, train.query_embeddings, size=4)
    losses = {}
    for learns in (True, False):
        fit = fit_learned_score(
            train, product_embeddings, EMBEDDED, start, lambda params: 0.0, num_scored=100,
            settings=LearnedFitSettings(hidden_size=0, num_epochs=80, patience=80,
                                        learning_rate=0.03, learns_maps=learns))
        losses[learns] = fit.losses[-1]
    assert losses[True] < 0.8 * losses[False]


def test_the_best_parameters_are_kept_and_patience_ends_the_fit():
    said = iter([0.1, 0.5, 0.3, 0.4, 0.9, 0.9])
    seen = []

    def judge(params):
        seen.append(params)
        return next(said)

    fit = fit_learned_score(planted_lists(0, linear_rule), np.zeros((50, 8), np.float16), NAMES,
                            None, judge, num_scored=7, settings=LearnedFitSettings(patience=2))
    assert fit.judgements == (0.1, 0.5, 0.3, 0.4)
    assert fit.params is seen[1] and fit.params.num_scored == 7


def test_a_fit_is_the_same_every_time():
    first, second = (fit_learned_score(
        planted_lists(0, linear_rule, queries=40), np.zeros((50, 8), np.float16), NAMES, None,
        lambda params: 0.0, num_scored=10, settings=LearnedFitSettings(num_epochs=2), seed=4)
        for _ in range(2))
    for ours, theirs in zip(jax.tree.leaves(first.params), jax.tree.leaves(second.params)):
        np.testing.assert_array_equal(ours, theirs)


def test_without_lists_every_score_is_zero():
    lists = planted_lists(0, linear_rule)
    empty = CandidateLists(NAMES, *(getattr(lists, name)[:0] for name in (
        "features", "products", "gains", "exists", "query_embeddings")))
    fit = fit_learned_score(empty, np.zeros((50, 8), np.float16), NAMES, None, lambda params: 0.0,
                            num_scored=10)
    assert (learned_score(fit.params, lists.columns(NAMES)) == 0).all() and fit.losses == ()


def test_initial_maps_take_the_mean_away_and_keep_the_main_directions():
    rng = np.random.default_rng(0)
    embeddings = rng.normal(0, [5, 1, 0.1, 0.1], (400, 4)) + 100
    maps = initial_maps(embeddings.astype(np.float16), np.full((3, 4), 7.0), size=2)
    assert isinstance(maps, EmbeddingMaps)
    np.testing.assert_allclose(maps.product_center, embeddings.mean(0), rtol=2e-2)
    np.testing.assert_allclose(maps.query_center, 7)
    np.testing.assert_allclose(np.abs(maps.product_projection[:, 0]), [1, 0, 0, 0], atol=0.1)
    np.testing.assert_array_equal(maps.query_projection, maps.product_projection)


@pytest.mark.parametrize("num_candidates", [8, 1000])
def test_lists_hold_products_with_gains_beside_others_of_the_same_query(num_candidates):
    rng = np.random.default_rng(2)
    index = random_index(rng, num_products=60)
    rows = [random_beams(rng, index, f"q{i}") for i in range(5)]
    beams = stack_beams(rows, 6, 6, index.trie.max_depth)  # a row more than there are queries
    side = random_side(rng, 6)
    queries = tuple(type("Query", (), {"query_id": row.query_id}) for row in rows)
    gains = {"q1": {3: 1.0, 5: 2.0}, "q2": {58: 1.0}, "q3": {999: 1.0}}
    on_device = device_index(index, random_learned_head(rng), beam_size=6)
    lists = collect_lists(on_device, [SearchedBatch(queries, tuple(rows), beams, side)], gains,
                          num_products=5, num_candidates=num_candidates)
    reached = {row.query_id: {product for code in row.code_ids for product in
                              index.code_table.postings(int(code)).tolist()} for row in rows}
    expected = [query for query in gains if reached[query] & gains[query].keys()]
    assert lists.num_queries == len(expected)
    for query, products, found, exists in zip(expected, lists.products, lists.gains, lists.exists):
        assert set(products[exists].tolist()) <= reached[query]
        assert len(set(products[exists].tolist())) == exists.sum()
        winners = gains[query].keys() & reached[query]
        assert {product: gain for product, gain in zip(products[exists].tolist(), found[exists])
                if gain} == {product: gains[query][product] for product in winners}
        assert exists.sum() == min(num_candidates, len(reached[query]))
