"""Losses against NumPy, and their gradients against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.models.losses import cross_entropy


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
