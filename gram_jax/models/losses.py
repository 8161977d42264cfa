"""Cross entropy over a vocabulary, with z-loss and label smoothing. Knows nothing about models."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp


class CrossEntropy(NamedTuple):
    """Weighted sums over tokens; divide by `weight_sum` for means."""

    loss_sum: jax.Array  # float32 [], cross entropy and z-loss together
    z_sum: jax.Array  # float32 [], the z-loss alone
    correct_sum: jax.Array  # float32 [], weight of tokens whose target has the largest logit
    weight_sum: jax.Array  # float32 []


def cross_entropy(
    logits: jax.Array,
    targets: jax.Array,
    weights: jax.Array,
    *,
    z_loss: float = 0.0,
    label_smoothing: float = 0.0,
) -> CrossEntropy:
    """Cross entropy against targets whose probability mass is partly spread over the vocabulary.

    With smoothing s the target has mass 1 - s and every other token s / (vocab - 1); the entropy
    of that distribution is subtracted, so that a perfect prediction costs 0. The z-loss adds
    z_loss * logsumexp(logits) ** 2, which keeps logits near log-probabilities.

    Args:
      logits: [..., length, vocab], taken to float32 (float64 stays as it is).
      targets: int32 [..., length].
      weights: float32 [..., length], 0 where padded.
      z_loss: weight of the z-loss.
      label_smoothing: s, in [0, 1).

    Returns:
      Sums over all tokens.
    """
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    vocab_size = logits.shape[-1]
    target_logit, log_normalizer = target_and_normalizer(logits, targets)
    loss = log_normalizer - target_logit
    if label_smoothing:
        other = label_smoothing / (vocab_size - 1)
        confidence = 1.0 - label_smoothing
        entropy = -(
            confidence * math.log(confidence) + (vocab_size - 1) * other * math.log(other)
        )
        smoothed_logit = (confidence - other) * target_logit + other * jnp.sum(logits, axis=-1)
        loss = log_normalizer - smoothed_logit - entropy
    z_term = z_loss * jnp.square(log_normalizer)
    correct = target_logit >= jax.lax.stop_gradient(jnp.max(logits, axis=-1))
    return CrossEntropy(
        loss_sum=jnp.sum((loss + z_term) * weights),
        z_sum=jnp.sum(z_term * weights),
        correct_sum=jnp.sum(correct * weights),
        weight_sum=jnp.sum(weights),
    )


@jax.custom_vjp
def target_and_normalizer(logits: jax.Array, targets: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The target's logit and logsumexp over the vocabulary, with a gradient of one pass.

    The gradient derived from a gather would scatter into an array as large as the logits.
    """
    target_logit = jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    return target_logit, jax.nn.logsumexp(logits, axis=-1)


def _forward(logits, targets):
    target_logit, log_normalizer = target_and_normalizer(logits, targets)
    return (target_logit, log_normalizer), (logits, targets, log_normalizer)


def _backward(saved, gradients):
    logits, targets, log_normalizer = saved
    of_target, of_normalizer = (gradient[..., None] for gradient in gradients)
    is_target = targets[..., None] == jnp.arange(logits.shape[-1])
    softmax = jnp.exp(logits - log_normalizer[..., None])
    return jnp.where(is_target, of_target, 0.0) + of_normalizer * softmax, None


target_and_normalizer.defvjp(_forward, _backward)
