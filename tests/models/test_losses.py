"""Losses against NumPy, and their gradients against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.models.losses import (
    cross_entropy,
    cross_entropy_of_tokens,
    token_logits_in_chunks,
)


def sample(seed, vocab=7):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(3, 4, vocab)) * 3
    targets = rng.integers(0, vocab, (3, 4)).astype(np.int32)
    weights = (rng.random((3, 4)) < 0.7) * rng.uniform(0.5, 2.0, (3, 4))
    return logits, targets, weights


def in_numpy(logits, targets, weights, z_loss, label_smoothing):
    """The sums, written out token by token."""
    loss_sum = z_sum = correct_sum = 0.0
    vocab = logits.shape[-1]
    for index in np.ndindex(targets.shape):
        row, target, weight = logits[index], targets[index], weights[index]
        normalizer = np.log(np.exp(row - row.max()).sum()) + row.max()
        wanted = np.full(vocab, label_smoothing / (vocab - 1))
        wanted[target] = 1.0 - label_smoothing
        entropy = -sum(p * np.log(p) for p in wanted if p > 0)
        loss = -(wanted * (row - normalizer)).sum() - entropy
        z = z_loss * normalizer**2
        loss_sum += weight * (loss + z)
        z_sum += weight * z
        correct_sum += weight * (row.argmax() == target)
    return loss_sum, z_sum, correct_sum, weights.sum()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    z_loss=st.sampled_from([0.0, 1e-4, 0.1]),
    label_smoothing=st.sampled_from([0.0, 0.1, 0.5]),
)
def test_sums_equal_the_numpy_reading(seed, z_loss, label_smoothing):
    logits, targets, weights = sample(seed)
    found = cross_entropy(
        logits, targets, weights, z_loss=z_loss, label_smoothing=label_smoothing
    )
    expected = in_numpy(logits, targets, weights, z_loss, label_smoothing)
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-4)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_a_perfect_prediction_costs_nothing(label_smoothing):
    targets = np.array([[2, 0]], np.int32)
    wanted = np.full((1, 2, 5), label_smoothing / 4 + 1e-30)
    np.put_along_axis(wanted, targets[..., None], 1.0 - label_smoothing, axis=-1)
    found = cross_entropy(
        jnp.log(wanted), targets, np.ones((1, 2)), label_smoothing=label_smoothing
    )
    np.testing.assert_allclose(found.loss_sum, 0.0, atol=1e-5)


@pytest.mark.parametrize(("z_loss", "label_smoothing"), [(0.0, 0.0), (0.05, 0.0), (0.05, 0.2)])
def test_gradients_equal_finite_differences_in_float64(z_loss, label_smoothing):
    with jax.enable_x64(True):
        logits, targets, weights = sample(1)

        @jax.jit
        def loss(logits):
            return cross_entropy(
                logits, targets, weights, z_loss=z_loss, label_smoothing=label_smoothing
            ).loss_sum

        gradient = jax.grad(loss)(jnp.asarray(logits))
        assert gradient.dtype == jnp.float64
        for index in np.ndindex(logits.shape):
            nudge = np.zeros_like(logits)
            nudge[index] = 1e-6
            slope = (loss(logits + nudge) - loss(logits - nudge)) / 2e-6
            np.testing.assert_allclose(gradient[index], slope, atol=1e-7)


def test_padded_tokens_weigh_nothing_whatever_their_logits():
    logits, targets, weights = sample(2)
    weights[1] = 0.0
    disturbed = logits.copy()
    disturbed[1] += np.linspace(-50, 50, 7)
    before, after = (cross_entropy(x, targets, weights, z_loss=0.1) for x in (logits, disturbed))
    np.testing.assert_allclose(before, after, rtol=1e-6)


def test_huge_logits_do_not_overflow():
    logits = np.array([[[1e4, -1e4, 0.0]]], np.float32)
    found = cross_entropy(logits, np.array([[1]], np.int32), np.ones((1, 1), np.float32))
    np.testing.assert_allclose(found.loss_sum, 2e4)


def test_bfloat16_logits_are_summed_in_float32():
    logits, targets, weights = sample(3)
    found = cross_entropy(jnp.asarray(logits, jnp.bfloat16), targets, np.float32(weights))
    assert found.loss_sum.dtype == jnp.float32


def chunk_sample(seed, rows=3, length=4, size=5, vocab=7):
    """Hidden states, a kernel to the vocabulary, targets and weights."""
    rng = np.random.default_rng(seed)
    _, targets, weights = sample(seed, vocab)
    shape = (rows, length)
    return (rng.normal(size=(*shape, size)), rng.normal(size=(size, vocab)),
            np.resize(targets, shape), np.resize(weights, shape))


def losses_of(max_tokens, options):
    """The sums, and the gradient by hidden states and kernel, of logits a chunk at a time."""
    @jax.jit
    @jax.value_and_grad
    def loss(moving, targets, weights):
        hidden, kernel = moving
        vocab_size = kernel.shape[-1]
        if max_tokens is None:
            sums = cross_entropy(hidden @ kernel, targets, weights, **options)
        else:
            found = token_logits_in_chunks(
                lambda hidden: hidden @ kernel, hidden, targets, max_tokens=max_tokens,
                with_total=options["label_smoothing"] > 0)
            assert found.target.shape == targets.shape
            sums = cross_entropy_of_tokens(found, weights, vocab_size=vocab_size, **options)
        # Each of the sums counts, by a weight of its own.
        return sums.loss_sum + 0.3 * sums.z_sum + 0.01 * sums.correct_sum + 1e-3 * sums.weight_sum

    return loss


@pytest.mark.parametrize("options", [{"z_loss": 0.1, "label_smoothing": 0.2},
                                     {"z_loss": 0.0, "label_smoothing": 0.0}])
@pytest.mark.parametrize("max_tokens", [1, 5, 12])
def test_logits_in_chunks_give_the_loss_and_gradients_of_all_at_once(max_tokens, options):
    """12 tokens: chunks that divide them, that do not, and one that holds all."""
    with jax.enable_x64(True):
        hidden, kernel, targets, weights = chunk_sample(max_tokens)
        found = losses_of(max_tokens, options)((hidden, kernel), targets, weights)
        expected = losses_of(None, options)((hidden, kernel), targets, weights)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12),
                     found, expected)
    narrow = jax.tree.map(np.float32, (hidden, kernel))
    found = losses_of(max_tokens, options)(narrow, targets, np.float32(weights))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
                 found, expected)


def test_logits_in_chunks_take_the_memory_of_a_chunk():
    tokens, size, vocab, max_tokens = (16, 64), 4, 4096, 64
    shapes = jax.tree.map(
        lambda shape: jax.ShapeDtypeStruct(shape, jnp.float32), ((*tokens, size), (size, vocab)),
        is_leaf=lambda leaf: isinstance(leaf[0], int))
    targets = jax.ShapeDtypeStruct(tokens, jnp.int32)
    weights = jax.ShapeDtypeStruct(tokens, jnp.float32)

    def temporary_bytes(max_tokens):
        loss = losses_of(max_tokens, {"z_loss": 1e-4, "label_smoothing": 0.0})
        compiled = loss.lower(shapes, targets, weights).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    all_logits = 4 * tokens[0] * tokens[1] * vocab
    assert temporary_bytes(None) > all_logits
    assert temporary_bytes(max_tokens) < all_logits / 4
