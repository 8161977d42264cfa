"""Attention: a mixture of visible values, heads apart."""

import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.nn.attention import KeysValues, attend, causal_bias, padding_bias


def sample(seed, shape=(2, 3, 4, 5)):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float32) for _ in range(3)]


@given(st.integers(0, 2**31))
def test_each_head_mixes_values_by_softmax_of_unscaled_products(seed):
    queries, keys, values = sample(seed)
    bias = np.random.default_rng(seed + 1).normal(size=(1, 3, 4, 4)).astype(np.float32)
    found = attend(queries, KeysValues(keys, values), bias)
    for b, h, q in np.ndindex(2, 3, 4):
        weights = np.exp(keys[b, h] @ queries[b, h, q] + bias[0, h, q])
        expected = (weights / weights.sum()) @ values[b, h]
        np.testing.assert_allclose(found[b, h, q], expected, atol=1e-5)


def test_hidden_keys_weigh_exactly_nothing():
    queries, keys, values = sample(0)
    tokens = np.array([[5, 6, 0, 0], [7, 0, 0, 0]])
    before = attend(queries, KeysValues(keys, values), padding_bias(tokens))
    hidden = (tokens == 0)[:, None, :, None]
    after = attend(
        queries,
        KeysValues(keys + np.float32(9) * hidden, values + np.float32(1e6) * hidden),
        padding_bias(tokens),
    )
    np.testing.assert_array_equal(before, after)
    np.testing.assert_allclose(before[1], np.broadcast_to(values[1, :, :1], (3, 4, 5)), rtol=1e-6)


def test_causal_bias_shows_the_past_and_the_present():
    np.testing.assert_array_equal(causal_bias(3)[0, 0] == 0.0, np.tri(3, dtype=bool))


def test_half_precision_is_weighed_in_float32():
    queries, keys, values = (jnp.asarray(x, jnp.bfloat16) for x in sample(0))
    # A gap of 0.01 on logits near 300 is lost in bfloat16, whose steps there are 2.
    bias = jnp.full((1, 1, 1, 4), 300.0).at[..., 0].add(0.5)
    found = attend(queries * 0, KeysValues(keys, values), bias)
    assert found.dtype == jnp.bfloat16
    weights = np.exp([0.5, 0, 0, 0]) / np.exp([0.5, 0, 0, 0]).sum()
    expected = np.einsum("k,bhkd->bhd", weights, values.astype(np.float32))
    np.testing.assert_allclose(found[:, :, 0].astype(np.float32), expected, atol=0.02)
