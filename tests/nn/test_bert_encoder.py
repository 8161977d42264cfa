"""BERT's stack against a plain NumPy reading of it, and what it must never see."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gram_jax.models.params import bind, init_params
from gram_jax.testing.tiny_bert import TOKENS, tiny_bert_config

CONFIG = tiny_bert_config()
EPSILON = 1e-12


def layer_norm(params, x):
    centred = x - x.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)
    return scaled * params["scale"] + params["bias"]


def dense(params, x):
    return x @ params["kernel"] + params["bias"]


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention(params, x, seen, num_heads):
    """x: [length, d]; seen: bool [length]."""
    q, k, v = (np.split(dense(params[name], x), num_heads, axis=1)
               for name in ("query", "key", "value"))
    heads = []
    for query, key, value in zip(q, k, v):
        logits = query @ key.T / math.sqrt(query.shape[1])
        heads.append(softmax(np.where(seen, logits, -np.inf)) @ value)
    return dense(params["out"], np.concatenate(heads, axis=1))


def gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def encode(params, tokens, num_heads):
    """One text, int [length] -> float64 [length, d]."""
    stack = params["encoder"]
    x = (params["token_embedder"]["embedding"][tokens] + stack["segment_embedding"]
         + stack["position_embedder"]["embedding"][:len(tokens)])
    x = layer_norm(stack["embedding_layer_norm"], x)
    for i in range(sum(name.startswith("layers_") for name in stack)):
        layer = stack[f"layers_{i}"]
        x = layer_norm(layer["attention_layer_norm"],
                       x + attention(layer["attention"], x, tokens > 0, num_heads))
        changed = dense(layer["mlp"]["wo"], gelu(dense(layer["mlp"]["wi"], x)))
        x = layer_norm(layer["mlp_layer_norm"], x + changed)
    return x


def strong_params(config, seed):
    """Every array wide and away from where it starts, or its use is not tested."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda array: np.asarray(
        array + rng.normal(0, 0.3, array.shape), np.float32), init_params(config, seed))


def random_texts(rng, rows=4, length=9, shortest=1):
    tokens = rng.integers(1, len(TOKENS), (rows, length)).astype(np.int32)
    return np.where(np.arange(length) < rng.integers(shortest, length + 1, (rows, 1)), tokens, 0)


@functools.partial(jax.jit, static_argnums=0)
def encoded(config, params, texts, dropout_rng=None):
    return bind(config, params).encode(texts, dropout_rng=dropout_rng)


@pytest.mark.parametrize("seed", range(3))
def test_encoded_texts_equal_the_numpy_reading(seed):
    params = strong_params(CONFIG, seed)
    texts = random_texts(np.random.default_rng(seed), length=20)
    found = encoded(CONFIG, params, texts)
    wide = jax.tree.map(lambda array: array.astype(np.float64), params)
    for row, text in enumerate(texts):
        expected = encode(wide, text, CONFIG.encoder.num_heads)
        np.testing.assert_allclose(found[row][text > 0], expected[text > 0], atol=2e-5)


def test_more_padding_changes_nothing():
    texts, params = random_texts(np.random.default_rng(1)), strong_params(CONFIG, 0)
    short = encoded(CONFIG, params, texts)
    long = encoded(CONFIG, params, np.pad(texts, ((0, 0), (0, 7))))
    np.testing.assert_allclose(long[:, :9][texts > 0], short[texts > 0], atol=1e-5)


def test_a_row_of_padding_stays_finite_and_to_itself():
    texts, params = random_texts(np.random.default_rng(2)), strong_params(CONFIG, 0)
    full = encoded(CONFIG, params, texts)
    texts[1] = 0
    emptied = encoded(CONFIG, params, texts)
    assert np.isfinite(emptied).all()
    np.testing.assert_allclose(emptied[np.array([0, 2, 3])], full[np.array([0, 2, 3])], atol=1e-5)


def test_the_order_of_words_matters():
    params = strong_params(CONFIG, 0)
    one, other = (encoded(CONFIG, params, np.array([row], np.int32))
                  for row in ([5, 6, 7], [6, 5, 7]))
    assert np.abs(one[0, 2] - other[0, 2]).max() > 1e-3


def test_texts_longer_than_the_positions_are_refused():
    with pytest.raises(ValueError, match="41 tokens do not fit an encoder of 40 positions"):
        encoded(CONFIG, strong_params(CONFIG, 0), np.ones((1, 41), np.int32))


def test_bfloat16_stays_near_float32():
    texts, params = random_texts(np.random.default_rng(3)), strong_params(CONFIG, 0)
    rough = encoded(tiny_bert_config(compute_dtype="bfloat16"), params, texts)
    assert rough.dtype == jnp.bfloat16
    gap = np.abs(rough.astype(np.float32) - encoded(CONFIG, params, texts))
    assert 0 < gap.max() < 0.3


def test_dropout_follows_its_key_and_is_off_without_one():
    config = tiny_bert_config(dropout_rate=0.5)
    texts, params = random_texts(np.random.default_rng(4)), strong_params(CONFIG, 0)
    one, two = jax.random.key(1), jax.random.key(2)
    first = encoded(config, params, texts, one)
    np.testing.assert_array_equal(first, encoded(config, params, texts, one))
    assert np.abs(first - encoded(config, params, texts, two)).max() > 0.01
    np.testing.assert_array_equal(encoded(config, params, texts), encoded(CONFIG, params, texts))
