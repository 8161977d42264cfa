"""Batches of clicked pairs: a place is a number, and who was clicked is what the records say."""

import jax
import numpy as np
import pytest

from gram_jax.baselines.dual_encoder_batches import ContrastiveBatches
from gram_jax.baselines.hard_negatives import hard_negative_draws
from gram_jax.core.clicks import ClickTable
from gram_jax.core.errors import ArtifactError, ConfigError


@pytest.fixture(scope="module")
def make(learnable):
    """Batches whose tokens are the places of queries and products, so that a test can read them."""
    mined = np.random.default_rng(0).permuted(
        np.tile(np.arange(len(learnable.product_texts), dtype=np.int32),
                (len(learnable.queries), 1)), axis=1)
    rows = np.arange(len(learnable.queries))
    mined = np.stack([np.where(learnable.clicked(np.full(len(found), row), found), -1, found)
                      for row, found in zip(rows, mined)])

    def make(*, seed=0, batch_size=4, num_negatives=2, clicks=learnable.clicks, queries=rows):
        return ContrastiveBatches(
            clicks, learnable.clicked,
            hard_negative_draws(np.sort(mined, axis=1)[:, ::-1], learnable.clicked,
                                learnable.shop.product_ids, num_negatives=num_negatives),
            np.pad(100 + queries[:, None], ((0, 0), (0, 3))).astype(np.int32),
            np.pad(200 + np.arange(len(learnable.product_texts))[:, None],
                   ((0, 0), (0, 5))).astype(np.int32),
            batch_size=batch_size, seed=seed)

    return make


def test_each_query_has_its_clicked_product_first_and_unclicked_ones_behind(make, learnable):
    batches = make()
    for _ in range(10):
        batch = next(batches)
        rows, products = batch.query_tokens[:, 0] - 100, batch.product_tokens[:, :, 0] - 200
        assert batch.query_tokens.shape == (4, 1) and products.shape == (4, 3), "no padding is kept"
        for row, (own, *negatives), example_id in zip(rows, products, batch.example_ids):
            assert learnable.is_clicked(row, own)
            assert not any(learnable.is_clicked(row, product) for product in negatives)
            assert example_id == f"{learnable.queries[row].query_id} {own}"
        expected = [[learnable.is_clicked(row, product) for product in products.ravel()]
                    for row in rows]
        np.testing.assert_array_equal(batch.clicked, expected)


def test_every_click_comes_once_an_epoch(make, learnable):
    batches = make(batch_size=len(learnable.clicks.products))
    epochs = [next(batches).example_ids for _ in range(2)]
    assert sorted(epochs[0]) == sorted(epochs[1]) and epochs[0] != epochs[1]
    assert len(set(epochs[0])) == batches.num_clicks == len(learnable.clicks.products)


def test_a_place_can_be_returned_to(make):
    batches = make()
    for _ in range(3):
        next(batches)
    place = batches.position()
    following = [next(batches) for _ in range(5)]
    fresh = make()
    fresh.seek(place)
    for expected in following:
        jax.tree.map(np.testing.assert_array_equal, next(fresh), expected)
    for other in (make(seed=1), make(batch_size=3), make(num_negatives=1)):
        with pytest.raises(ArtifactError, match="clicked pairs"):
            other.seek(place)


def test_what_cannot_be_learned_from_is_refused(make, learnable):
    with pytest.raises(ConfigError, match="batch_size is 1"):
        make(batch_size=1)
    none = ClickTable.build(*(np.zeros(0, int),) * 3, learnable.clicks.query_ids)
    with pytest.raises(ConfigError, match="no train query"):
        make(clicks=none)
    with pytest.raises(ValueError, match="tokens of 2 queries"):
        make(queries=np.arange(2))
