"""One vector a text: the mean of what is seen of it, as it is or at length 1."""

import jax
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.models.text_embedding import mean_pooled, sentence_embeddings

embed = jax.jit(sentence_embeddings)


@given(st.integers(0, 2**31))
def test_it_is_the_mean_of_the_tokens_at_length_1(seed):
    rng = np.random.default_rng(seed)
    encoded = rng.normal(size=(3, 6, 5)).astype(np.float32)
    lengths = rng.integers(1, 7, 3)
    tokens = np.where(np.arange(6) < lengths[:, None], 9, 0)
    found = embed(encoded, tokens)
    for row, length in enumerate(lengths):
        mean = encoded[row, :length].astype(np.float64).mean(axis=0)
        np.testing.assert_allclose(found[row], mean / np.linalg.norm(mean), atol=1e-5)


def test_padding_counts_nothing_and_a_row_of_it_is_zero():
    encoded = np.ones((2, 3, 4), np.float32)
    encoded[0, 1:] = np.nan
    found = embed(encoded, np.array([[5, 0, 0], [0, 0, 0]]))
    np.testing.assert_allclose(found, [[0.5] * 4, [0.0] * 4])


def test_the_mean_is_over_tokens_alone():
    rng = np.random.default_rng(0)
    encoded = rng.normal(0, 1, (3, 5, 4)).astype(np.float32)
    tokens = np.array([[7, 8, 1, 0, 0], [3, 1, 0, 0, 0], [0, 0, 0, 0, 0]], np.int32)
    found = mean_pooled(encoded, tokens)
    np.testing.assert_allclose(found[0], encoded[0, :3].mean(0), rtol=1e-5)
    np.testing.assert_allclose(found[1], encoded[1, :2].mean(0), rtol=1e-5)
    assert (found[2] == 0).all()


def test_what_stands_at_padding_changes_nothing():
    tokens = np.array([[7, 1, 0]], np.int32)
    encoded = np.ones((1, 3, 2), np.float32)
    disturbed = encoded.copy()
    disturbed[0, 2] = np.nan
    np.testing.assert_array_equal(mean_pooled(encoded, tokens), mean_pooled(disturbed, tokens))
