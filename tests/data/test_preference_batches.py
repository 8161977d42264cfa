"""Batches of preferences: order by the seed alone, any place found again, every number in place."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from gram_jax.codes.preferences import NONE
from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.data.preference_batches import PreferenceBatches
from gram_jax.testing.preference_world import (
    CODE_LENGTH,
    code_tokens,
    made_up_log_probs,
    preference_world,
)


def batches(*, taught=True, with_positives=True, batch_size=4, seed=0, code_buckets=(),
            **world) -> PreferenceBatches:
    store, tokens, mined = preference_world(**world)
    return PreferenceBatches(store, tokens, mined=mined if taught else None,
                             with_positives=with_positives, batch_size=batch_size, seed=seed,
                             code_buckets=code_buckets)


def take(stream, count):
    return [next(stream) for _ in range(count)]


def assert_same(some, others):
    for one, other in zip(some, others, strict=True):
        assert one.example_ids == other.example_ids
        jax.tree.map(np.testing.assert_array_equal, one, other)


def code_of(tokens) -> int:
    """The number of a code by its tokens, NONE for zeros."""
    return int(tokens[0]) - 2 if tokens[0] else NONE


def winners_of(batch) -> list[tuple[int, int, int]]:
    """(query, product, winner) of every row."""
    return [(int(query[0]) - 20, int(product[0]) - 40, code_of(winner)) for query, product, winner
            in zip(batch.query_tokens, batch.product_tokens, batch.winner_tokens)]


def all_winners(store) -> list[tuple[int, int, int]]:
    found = store.preferences
    return [(int(store.pair_queries[pair]), int(store.pair_products[pair]), int(code))
            for pair, code in zip(found.pairs, found.winners)]


@pytest.mark.parametrize("place", [0, 1, 5, 9, 30])
def test_any_place_can_be_returned_to(place):
    stream, fresh = batches(code_buckets=(3,)), batches(code_buckets=(3,))
    take(stream, place)
    position = json.loads(json.dumps(stream.position()))
    expected = take(stream, 8)
    take(fresh, 3)
    fresh.seek(position)
    assert fresh.position() == position
    assert_same(take(fresh, 8), expected)


def test_seeds_and_epochs_have_orders_of_their_own():
    first, other = batches(), batches(seed=1)
    count = first.batches_per_epoch
    epochs = [[winners_of(batch) for batch in take(stream, count)]
              for stream in (first, first, other)]
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]


@pytest.mark.parametrize("buckets", [(), (3,), (3, 4)])
def test_an_epoch_meets_every_winner(buckets):
    stream = batches(code_buckets=buckets)
    met = {winner for batch in take(stream, stream.batches_per_epoch)
           for winner in winners_of(batch)}
    assert met == set(all_winners(preference_world()[0]))


def test_one_pass_counts_every_winner_once_and_stays_in_place():
    stream = batches()
    before = stream.position()
    counted = [winner for batch in stream.one_pass() for winner, weights
               in zip(winners_of(batch), batch.weights) if weights.any()]
    assert sorted(counted) == sorted(all_winners(preference_world()[0]))
    some = [winner for batch in stream.one_pass(6) for winner, weights
            in zip(winners_of(batch), batch.weights) if weights.any()]
    assert len(set(some)) == 6 and set(some) <= set(counted)
    assert stream.position() == before


@pytest.mark.parametrize("buckets", [(), (3, 5)])
def test_rows_hold_the_codes_and_the_reference_of_their_winner(buckets):
    store, _, mined = preference_world()
    found, rows = store.preferences, all_winners(store)
    stream = batches(code_buckets=buckets)
    for batch in take(stream, 12):
        length = batch.winner_tokens.shape[1]
        for at, winner in enumerate(winners_of(batch)):
            row = rows.index(winner)
            query, product, code = winner
            assert batch.example_ids[at] == f"q{query} p{product}"
            losers, positives = ([code_of(tokens) for tokens in codes[at]]
                                 for codes in (batch.loser_tokens, batch.positive_tokens))
            assert losers == found.losers[row].tolist()
            assert positives == found.positives[row].tolist()
            np.testing.assert_array_equal(batch.weights[at], found.weights[row])
            for place, other in enumerate([code, *positives, *losers]):
                for side, text in enumerate((query, product)):
                    expected = np.zeros(length) if other == NONE else made_up_log_probs(
                        np.array([text]), np.array([other]), side)[0, :length]
                    np.testing.assert_array_equal(
                        batch.reference_log_probs[at, side, place], expected)
                if other != NONE:
                    assert code_tokens()[other, length:].sum() == 0, "a code was cut"
            for tokens, of_text, text in (
                    (batch.query_code_tokens, mined.of_queries, query),
                    (batch.product_code_tokens, mined.of_products, product)):
                assert code_of(tokens[at, 0]) in of_text.of_row(text)


def test_buckets_are_used_and_texts_are_no_longer_than_they_need():
    stream = batches(code_buckets=(3, 4), num_queries=12, num_products=12, taught=False,
                     with_positives=False)
    lengths = {batch.winner_tokens.shape[1] for batch in take(stream, stream.batches_per_epoch)}
    assert len(lengths) > 1 and max(lengths) == CODE_LENGTH
    assert next(stream).query_tokens.shape == (4, 2)


def test_taught_codes_change_from_epoch_to_epoch():
    stream = batches()
    count = stream.batches_per_epoch
    drawn = [{(winner, code_of(tokens[0])) for batch in take(stream, count)
              for winner, tokens in zip(winners_of(batch), batch.query_code_tokens)}
             for _ in range(2)]
    assert drawn[0] != drawn[1]


def test_terms_that_are_off_cost_nothing():
    batch = next(batches(taught=False, with_positives=False))
    assert batch.positive_tokens.shape[1] == batch.query_code_tokens.shape[1] == 0
    assert batch.product_code_tokens.shape[1] == 0
    assert batch.reference_log_probs.shape[2] == 1 + batch.loser_tokens.shape[1]


@pytest.mark.parametrize("change", [
    {"seed": 1}, {"batch_size": 5}, {"taught": False}, {"with_positives": False},
    {"code_buckets": (3,)}, {"num_queries": 4}])
def test_a_place_in_other_preferences_is_refused(change):
    with pytest.raises(ArtifactError, match="another workdir"):
        batches(**change).seek(batches().position())


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"seed": -1}, {"code_buckets": (4, 3)}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"batch_size is|code_buckets are"):
        batches(**wrong)


def test_no_preference_is_said():
    store, tokens, _ = preference_world()
    none = dataclasses.replace(store, preferences=store.preferences.chosen(np.zeros(0, np.int64)))
    with pytest.raises(ConfigError, match="no clicked pair has"):
        PreferenceBatches(none, tokens, mined=None, with_positives=False, batch_size=2, seed=0)
