"""Dropout keeps means, shares masks along length, and never hands out a byte twice."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gram_jax.nn import dropout as module
from gram_jax.nn.dropout import DropoutStream, dropout


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.5, 0.9])
def test_share_lost_and_mean_kept(rate):
    ones = jnp.ones((400, 3, 500))
    found = dropout(ones, rate, DropoutStream(jax.random.key(0)))
    np.testing.assert_allclose((found == 0.0).mean(), rate, atol=0.004)
    np.testing.assert_allclose(found.mean(), 1.0, rtol=0.03)
    assert len(np.unique(found)) == 2


def test_positions_of_a_row_lose_the_same_features_and_rows_lose_others():
    found = dropout(jnp.ones((2, 3, 5, 64)), 0.5, DropoutStream(jax.random.key(0)))
    assert (found == found[:, :, :1]).all()
    assert (found[0] != found[1]).any() and (found[:, 0] != found[:, 1]).any()


@pytest.mark.parametrize(("rate", "stream"), [(0.0, DropoutStream), (0.5, lambda key: None)])
def test_no_rate_or_no_stream_changes_nothing(rate, stream):
    inputs = jnp.arange(12.0).reshape(2, 2, 3)
    assert dropout(inputs, rate, stream(jax.random.key(0))) is inputs


def test_pieces_are_the_columns_of_one_draw_until_it_is_used_up(monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 100)
    stream = DropoutStream(jax.random.key(3))
    pieces = [np.asarray(stream.take(4, width)) for width in (30, 30, 40, 60, 500)]
    assert [piece.shape for piece in pieces] == [(4, width) for width in (30, 30, 40, 60, 500)]
    first = jax.random.bits(jax.random.fold_in(jax.random.key(3), 0), (4, 100), jnp.uint8)
    np.testing.assert_array_equal(np.concatenate(pieces[:3], axis=1), first)
    assert (pieces[3][:, :30] != pieces[0]).any()
    other = np.asarray(stream.take(7, 30))
    assert other.shape == (7, 30)


def test_bytes_are_uniform():
    counts = np.bincount(np.asarray(DropoutStream(jax.random.key(0)).take(100, 4096)).ravel())
    np.testing.assert_allclose(counts / 1600, 1.0, atol=0.15)
