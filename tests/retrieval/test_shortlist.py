"""The shortlist made on the device against the one made on the host, which is checked elsewhere."""

import functools

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.decoding.beam_state import Beams
from gram_jax.models.code_score import HEADS, CodeScoreParams
from gram_jax.retrieval.candidates import gather_candidates
from gram_jax.retrieval.device_index import device_index
from gram_jax.retrieval.scoring import REDUCES, ScoringHead, rank_candidates
from gram_jax.retrieval.shortlist import (
    NO_PRODUCT,
    fold_by_hash,
    fold_by_sort,
    shortlist,
    sizes_up_to,
)
from tests.retrieval.conftest import random_beams, random_index

BEAM_SIZE = 6
by_hash = jax.jit(fold_by_hash, static_argnames="reducer")
by_sort = jax.jit(functools.partial(fold_by_sort, num_beams=5), static_argnames="reducer")
on_device = jax.jit(shortlist, static_argnames=("head", "reduce", "num_products"))


def as_beams(rows, length):
    """What beam search would have returned for the same beams."""
    def stacked(name, shape, fill):
        whole = np.full((len(rows), BEAM_SIZE, *shape), fill)
        for place, row in enumerate(rows):
            whole[place, :len(row.code_ids)] = getattr(row, name)
        return whole

    code_ids = stacked("code_ids", (), -1).astype(np.int32)
    return Beams(stacked("tokens", (length,), 0).astype(np.int32),
                 stacked("token_log_probs", (length,), 0.0).astype(np.float32),
                 stacked("log_probs", (), -np.inf).astype(np.float32), code_ids, code_ids >= 0)


def check_against_host(index, rows, scoring, k):
    """Checks all but the order of near ties; returns both orders of each row, ours first."""
    orders = []
    padded = device_index(index, scoring, beam_size=BEAM_SIZE)
    found = jax.device_get(on_device(padded, as_beams(rows, index.trie.max_depth),
                                     head=scoring.head, reduce=scoring.reduce, num_products=k))
    expected = rank_candidates(index, rows, gather_candidates(index, rows), scoring,
                               k=len(index.code_table.product_ids))
    ids, codes = index.code_table.product_ids, index.code_table.codes
    for ranked, products, scores, code_ids in zip(expected, *found):
        exists = products != NO_PRODUCT
        count = min(k, len(ranked.product_ids))
        assert exists[:count].all() and not exists[count:].any()
        names = [ids[i] for i in products[exists]]
        assert len(set(names)) == count
        # Sums may round differently on the device, and products that they all but tie change
        # places: at each place stands one with the score that the host has there, and its code.
        by_name = dict(zip(ranked.product_ids, zip(ranked.scores, ranked.codes)))
        np.testing.assert_allclose(
            [by_name[name][0] for name in names], ranked.scores[:count], rtol=1e-4, atol=1e-5)
        assert [by_name[name][1] for name in names] == [codes[i].text for i in code_ids[exists]]
        np.testing.assert_allclose(scores[exists], ranked.scores[:count], rtol=1e-4, atol=1e-5)
        assert (scores[~exists] == -np.inf).all() and (code_ids[~exists] == -1).all()
        orders.append((names, list(ranked.product_ids[:count])))
    return orders


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000), st.sampled_from(sorted(HEADS)), st.sampled_from(REDUCES))
def test_products_codes_and_scores_are_those_of_the_host(seed, head, reduce):
    rng = np.random.default_rng(seed)
    index = random_index(rng)
    scoring = ScoringHead(head, reduce, CodeScoreParams(
        rng.normal(-1, 1, 3).astype(np.float32), rng.normal(0, 1, 3).astype(np.float32)))
    rows = [random_beams(rng, index, f"q{i}") for i in range(3)]
    for k in (1, 4, 100):
        check_against_host(index, rows, scoring, k)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000), st.sampled_from([-1.0, 0.0, 2.0]))
def test_ties_are_broken_as_on_the_host(seed, weight):
    rng = np.random.default_rng(seed)
    index = random_index(rng, on_grid=True)
    scoring = ScoringHead("log_prob_sum", "best", CodeScoreParams(
        np.full(3, weight, np.float32), np.zeros(3, np.float32)))
    rows = [random_beams(rng, index, f"q{i}", on_grid=True) for i in range(3)]
    for k in (1, 4, 100):
        for names, expected in check_against_host(index, rows, scoring, k):
            assert names == expected


@pytest.mark.parametrize("head", sorted(HEADS))
@pytest.mark.parametrize("reduce", REDUCES)
@pytest.mark.parametrize("num_products", [300, 700])
def test_thousands_of_candidates_take_the_branches_of_their_size(head, reduce, num_products):
    rng = np.random.default_rng(num_products)
    index = random_index(rng, num_products=num_products)
    scoring = ScoringHead(head, reduce, CodeScoreParams(
        rng.normal(-1, 1, 3).astype(np.float32), rng.normal(0, 1, 3).astype(np.float32)))
    padded = device_index(index, scoring, beam_size=BEAM_SIZE)
    assert len(sizes_up_to(padded.candidate_capacity)) > 1
    for _ in range(6):
        check_against_host(index, [random_beams(rng, index, "q")], scoring, 50)


def test_only_the_largest_branch_holds_all_candidates():
    assert sizes_up_to(256) == (256,)
    assert sizes_up_to(5120) == (320, 1280, 5120)


def test_padding_changes_nothing():
    rng = np.random.default_rng(5)
    index = random_index(rng)
    rows = [random_beams(rng, index, f"q{i}") for i in range(4)]
    beams = as_beams(rows, index.trie.max_depth)
    for head in HEADS:
        make = functools.partial(device_index, index, ScoringHead(head), beam_size=BEAM_SIZE)
        room = make().capacities
        wider = make(room_of=type(room)(*(2 * size for size in (room.nodes, room.codes)),
                                        room.depth, 3 * room.postings, 5 * room.candidates))
        for found, expected in zip(*(on_device(padded, beams, head=head, reduce="sum",
                                               num_products=9) for padded in (make(), wider))):
            np.testing.assert_array_equal(found, expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000), st.sampled_from(["best", "sum", "log_sum"]))
def test_folding_by_sort_and_by_hash_agree(seed, reducer):
    rng = np.random.default_rng(seed)
    num_beams, width = 5, 20
    products = np.stack([np.concatenate([np.sort(rng.choice(30, width, replace=False))
                                         for _ in range(num_beams)]) for _ in range(2)])
    beam = np.broadcast_to(np.repeat(np.arange(num_beams), width), products.shape)
    exists = rng.random(products.shape) < 0.8
    scores = np.where(exists, -rng.integers(1, 6, products.shape) / 2, -np.inf)
    arguments = [array.astype(dtype) for array, dtype in zip(
        (products, scores, beam, exists), (np.int32, np.float32, np.int32, bool))]
    found = {}
    for name, fold in (("hash", by_hash), ("sort", by_sort)):
        keys, numbers, beams = map(np.asarray, fold(*arguments, reducer=reducer))
        alive = keys > -np.inf
        found[name] = [sorted(zip(numbers[row][alive[row]], beams[row][alive[row]],
                                  np.round(keys[row][alive[row]], 4))) for row in range(2)]
    assert found["hash"] == found["sort"]
    assert [len(row) for row in found["sort"]] == [
        len(np.unique(products[row][exists[row]])) for row in range(2)]
