"""Batches of clicks: a place is a number, every click comes once an epoch, words say the texts."""

import jax
import numpy as np
import pytest

from gram_jax.core.errors import ArtifactError
from gram_jax.testing.tiny_catalog import tiny_shop


def assert_same(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)
    assert one.example_ids == other.example_ids


def test_a_place_can_be_returned_to(click_batches):
    batches = click_batches()
    for _ in range(3):
        next(batches)
    place = batches.position()
    following = [next(batches) for _ in range(7)]
    fresh = click_batches()
    fresh.seek(place)
    for expected in following:
        assert_same(next(fresh), expected)


def test_the_order_is_the_seeds(click_batches):
    assert_same(next(click_batches(seed=3)), next(click_batches(seed=3)))
    assert next(click_batches(seed=3)).example_ids != next(click_batches(seed=4)).example_ids


def test_every_click_comes_once_an_epoch(click_batches):
    num_clicks = len(tiny_shop().clicks_of("train"))
    batches = click_batches(batch_size=num_clicks)
    epochs = [next(batches) for _ in range(3)]
    counted = [sorted(zip(epoch.example_ids, map(tuple, epoch.products[:, 0].tolist())))
               for epoch in epochs]
    assert sorted(epochs[0].example_ids) == sorted(epochs[1].example_ids)
    assert len(set(counted[0])) == num_clicks
    assert epochs[0].example_ids != epochs[1].example_ids


def test_the_clicked_product_comes_first_and_weighs_as_much_as_the_others(click_batches):
    batch = next(click_batches())
    assert batch.labels.tolist() == [[1, 0, 0, 0]] * 4
    np.testing.assert_allclose(batch.weights.sum(axis=1), 2.0)
    np.testing.assert_allclose(batch.weights[:, 0], 1.0)


def test_words_of_a_batch_are_numbered_within_it(click_batches):
    batch = next(click_batches())
    num_words = len(batch.word_ngrams)
    assert num_words % 512 == 0 and len(batch.word_rarities) == num_words
    assert not batch.word_ngrams[0].any()
    met = np.unique(np.concatenate([batch.queries.ravel(), batch.products.ravel()]))
    assert met.tolist() == list(range(len(met))), "numbers have no gaps"
    assert batch.word_ngrams[met[1:]].any(axis=1).all()
    assert not batch.word_ngrams[len(met):].any()


def test_a_place_in_other_data_is_refused(click_batches):
    with pytest.raises(ArtifactError, match="relevance data"):
        click_batches(seed=1).seek(click_batches(seed=2).position())
