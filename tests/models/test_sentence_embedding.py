"""One vector a text: the mean of what is seen of it, at length 1."""

import jax
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.models.sentence_embedding import sentence_embeddings

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
