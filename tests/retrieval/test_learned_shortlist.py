"""The learned head on the device against the same head read one product at a time."""

import dataclasses

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.core.errors import ConfigError
from gram_jax.models.learned_score import FEATURE_GROUPS, features_of
from gram_jax.retrieval.candidate_lists import find_candidates
from gram_jax.retrieval.device_index import device_index
from gram_jax.retrieval.learned_features import FEATURES
from gram_jax.retrieval.learned_shortlist import learned_shortlist
from gram_jax.retrieval.searched import SearchedBatch, stack_beams
from gram_jax.retrieval.shortlist import NO_PRODUCT
from gram_jax.testing.plain_features import plain_features, plain_score
from tests.retrieval.conftest import (
    random_beams,
    random_index,
    random_learned_head,
    random_product_features,
    random_side,
)

BEAM_SIZE = 6
GROUPS = [("code",), ("lexical",), ("code", "embedding"), tuple(FEATURE_GROUPS)]
on_device = jax.jit(learned_shortlist, static_argnames="num_products")


def drawn_queries(rng, index, count=3, **beams):
    rows = [random_beams(rng, index, f"q{i}", **beams) for i in range(count)]
    return rows, stack_beams(rows, count, BEAM_SIZE, index.trie.max_depth), random_side(rng, count)


def expected_of(index, row, tokens, embedding, params):
    """product -> (score, best code), of the products that the head scores."""
    found = plain_features(index, row, tokens, embedding, params)
    return {product: (plain_score(params, features), code)
            for product, (features, code) in found.items()}


def check_against_host(index, rows, beams, side, scoring, k):
    padded = device_index(index, scoring, beam_size=BEAM_SIZE)
    found = jax.device_get(on_device(padded, beams, side, num_products=k))
    for place, row in enumerate(rows):
        expected = expected_of(index, row, side.tokens[place], side.embeddings[place],
                               scoring.params)
        products, scores, codes = (array[place] for array in found)
        count = min(k, len(expected))
        assert len(set(products[:count].tolist())) == count and (products[count:] == -1).all()
        assert (scores[count:] == -np.inf).all() and (codes[count:] == -1).all()
        best = sorted((score for score, _ in expected.values()), reverse=True)[:count]
        np.testing.assert_allclose(scores[:count], best, rtol=1e-3, atol=2e-3)
        for product, score, code in zip(products[:count], scores, codes):
            assert score == pytest.approx(expected[product][0], rel=1e-3, abs=2e-3)
            assert code == expected[product][1]


def test_every_feature_has_a_group_and_a_definition():
    assert set(FEATURES) == set(features_of(FEATURE_GROUPS))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 100_000))
def test_features_are_those_of_the_plain_reading(seed):
    rng = np.random.default_rng(seed)
    index = random_index(rng)
    scoring = random_learned_head(rng)
    rows, beams, side = drawn_queries(rng, index)
    padded = device_index(index, scoring, beam_size=BEAM_SIZE)
    batch = SearchedBatch((), tuple(rows), beams, side)
    candidates = find_candidates(padded, batch, num_products=5)
    exists, products, features = candidates.exists, candidates.products, candidates.features
    assert (features.transpose(0, 2, 1)[~exists] == 0).all()
    for place, row in enumerate(rows):
        expected = plain_features(index, row, side.tokens[place], side.embeddings[place],
                                  scoring.params)
        assert sorted(products[place][exists[place]]) == sorted(expected)
        for product, column in zip(products[place][exists[place]],
                                   features[place].T[exists[place]]):
            ours = dict(zip(scoring.params.features, column.tolist()))
            assert ours == pytest.approx(expected[product][0], rel=2e-3, abs=2e-3)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 100_000), st.sampled_from([(groups, 4) for groups in GROUPS]
                                               + [(tuple(FEATURE_GROUPS), 100)]))
def test_products_codes_and_scores_are_those_of_the_host(seed, way):
    rng = np.random.default_rng(seed)
    index = random_index(rng)
    groups, k = way
    check_against_host(index, *drawn_queries(rng, index), random_learned_head(rng, groups), k)


@pytest.mark.parametrize("num_products", [300, 700])
def test_thousands_of_candidates_take_the_branches_of_their_size(num_products):
    rng = np.random.default_rng(num_products)
    index = random_index(rng, num_products=num_products)
    scoring = random_learned_head(rng)
    for _ in range(4):
        check_against_host(index, *drawn_queries(rng, index, 1), scoring, 50)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 100_000), st.booleans())
def test_only_those_whose_best_code_is_likeliest_are_scored(seed, on_grid):
    rng = np.random.default_rng(seed)
    index = random_index(rng, num_products=400, on_grid=on_grid)
    scoring = random_learned_head(rng, num_scored=20)
    (row,), beams, side = drawn_queries(rng, index, 1, on_grid=on_grid)
    padded = device_index(index, scoring, beam_size=BEAM_SIZE)
    products, scores, _ = jax.device_get(on_device(padded, beams, side, num_products=7))
    expected = plain_features(index, row, side.tokens[0], side.embeddings[0], scoring.params)

    def first_pass(product):
        features, _ = expected[product]
        first = min(rank for rank, code in enumerate(row.code_ids)
                    if product in index.code_table.postings(int(code)))
        return -features["query_log_prob"] - features["product_log_prob"], first, product

    kept = sorted(expected, key=first_pass)[:20]
    best = sorted((plain_score(scoring.params, expected[product][0]) for product in kept),
                  reverse=True)[:7]
    np.testing.assert_allclose(scores[0, :len(best)], best, rtol=1e-3, atol=2e-3)
    assert set(products[0, :len(best)].tolist()) <= set(kept)


def test_ties_go_to_the_product_that_comes_first():
    rng = np.random.default_rng(1)
    index = random_index(rng)
    scoring = random_learned_head(rng)
    zeros = jax.tree.map(np.zeros_like, scoring.params)
    scoring = dataclasses.replace(
        scoring, params=dataclasses.replace(zeros, scale=scoring.params.scale))
    _, beams, side = drawn_queries(rng, index, 4)
    padded = device_index(index, scoring, beam_size=BEAM_SIZE)
    products, scores, _ = jax.device_get(on_device(padded, beams, side, num_products=8))
    for row, found in zip(products, scores):
        kept = row[row != NO_PRODUCT]
        assert (found[:len(kept)] == 0).all() and (np.diff(kept) > 0).all()


def test_padding_changes_nothing():
    rng = np.random.default_rng(5)
    index = random_index(rng)
    scoring = random_learned_head(rng)
    _, beams, side = drawn_queries(rng, index, 4)
    padded = device_index(index, scoring, beam_size=BEAM_SIZE)
    room = padded.capacities
    wider = device_index(index, scoring, beam_size=BEAM_SIZE, room_of=type(room)(
        2 * room.nodes, 2 * room.codes, room.depth, 3 * room.postings, 5 * room.candidates,
        2 * room.products, room.terms + 3, room.tokens + 9))
    assert wider.capacities != room
    for found, expected in zip(*(on_device(each, beams, side, num_products=9)
                                 for each in (padded, wider))):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("groups", GROUPS[:3])
def test_features_that_are_switched_off_have_no_influence_at_all(groups):
    rng = np.random.default_rng(7)
    index = random_index(rng)
    scoring = random_learned_head(rng, groups)
    _, beams, side = drawn_queries(rng, index)
    other = random_product_features(rng, index.product_features.num_products)
    ours = index.product_features
    changed, other_side = {}, side
    if "lexical" not in groups:
        changed |= {"terms": other.terms, "token_idf": other.token_idf}
        other_side = dataclasses.replace(other_side, tokens=random_side(rng, 3).tokens)
    if "embedding" not in groups:
        changed["embeddings"] = other.embeddings
        other_side = dataclasses.replace(other_side, embeddings=side.embeddings + 3)
    disturbed = dataclasses.replace(index, product_features=dataclasses.replace(ours, **changed),
                                    digest="")
    for found, expected in zip(*(
            on_device(device_index(each, scoring, beam_size=BEAM_SIZE), beams, of_queries,
                      num_products=9) for each, of_queries in ((index, side),
                                                               (disturbed, other_side)))):
        np.testing.assert_array_equal(found, expected)


def test_nothing_is_held_for_features_that_are_switched_off():
    rng = np.random.default_rng(0)
    index = random_index(rng)
    products = device_index(index, random_learned_head(rng, ("code",)), beam_size=3).products
    assert products.embeddings is products.terms is products.token_idf is None
    without = random_learned_head(rng, ("lexical",))
    assert device_index(index, without, beam_size=3).posting_token_log_probs is None


def test_an_index_without_product_features_is_refused():
    rng = np.random.default_rng(0)
    index = dataclasses.replace(random_index(rng), product_features=None, digest="")
    with pytest.raises(ConfigError, match="build it again"):
        device_index(index, random_learned_head(rng), beam_size=3)
