"""Cross entropy over a vocabulary, with z-loss and label smoothing. Knows nothing about models.

Logits are by far the largest array of a step: a token takes 1 MB of them at 256k tokens. What a
loss needs of a token's logits is a few numbers, so `TokenLogits` stands between the two, and
`token_logits_in_chunks` finds it without ever holding all logits.
"""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp


class TokenLogits(NamedTuple):
    """What a loss needs of the logits of each token."""

    target: jax.Array  # float32 [..., length], the logit of the target
    log_normalizer: jax.Array  # float32 [..., length], logsumexp over the vocabulary
    is_largest: jax.Array  # bool [..., length], no logit is above the target's
    total: jax.Array | None  # float32 [..., length], the sum over the vocabulary, where asked for


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
    """`cross_entropy_of_tokens` of logits [..., length, vocab]; the rest as there."""
    return cross_entropy_of_tokens(
        token_logits(logits, targets, with_total=label_smoothing > 0), weights,
        vocab_size=logits.shape[-1], z_loss=z_loss, label_smoothing=label_smoothing)


def cross_entropy_of_tokens(
    tokens: TokenLogits,
    weights: jax.Array,
    *,
    vocab_size: int,
    z_loss: float = 0.0,
    label_smoothing: float = 0.0,
) -> CrossEntropy:
    """Cross entropy against targets whose probability mass is partly spread over the vocabulary.

    With smoothing s the target has mass 1 - s and every other token s / (vocab - 1); the entropy
    of that distribution is subtracted, so that a perfect prediction costs 0. The z-loss adds
    z_loss * logsumexp(logits) ** 2, which keeps logits near log-probabilities.

    Args:
      tokens: of the tokens' logits; with their total where there is label smoothing.
      weights: float32 [..., length], 0 where padded.
      vocab_size: logits of a token.
      z_loss: weight of the z-loss.
      label_smoothing: s, in [0, 1).

    Returns:
      Sums over all tokens.
    """
    loss = tokens.log_normalizer - tokens.target
    if label_smoothing:
        other = label_smoothing / (vocab_size - 1)
        confidence = 1.0 - label_smoothing
        entropy = -(
            confidence * math.log(confidence) + (vocab_size - 1) * other * math.log(other)
        )
        smoothed_logit = (confidence - other) * tokens.target + other * tokens.total
        loss = tokens.log_normalizer - smoothed_logit - entropy
    z_term = z_loss * jnp.square(tokens.log_normalizer)
    return CrossEntropy(
        loss_sum=jnp.sum((loss + z_term) * weights),
        z_sum=jnp.sum(z_term * weights),
        correct_sum=jnp.sum(tokens.is_largest * weights),
        weight_sum=jnp.sum(weights),
    )


def token_logits(
    logits: jax.Array, targets: jax.Array, *, with_total: bool = False
) -> TokenLogits:
    """What a loss needs of logits.

    Args:
      logits: [..., length, vocab], taken to float32 (float64 stays as it is).
      targets: int32 [..., length].
      with_total: whether the sum over the vocabulary is needed.
    """
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    target, log_normalizer = target_and_normalizer(logits, targets)
    return TokenLogits(
        target, log_normalizer,
        is_largest=target >= jax.lax.stop_gradient(jnp.max(logits, axis=-1)),
        total=jnp.sum(logits, axis=-1) if with_total else None)


def token_logits_in_chunks(
    logits_fn: Callable[[jax.Array], jax.Array],
    hidden: jax.Array,
    targets: jax.Array,
    *,
    max_tokens: int,
    with_total: bool = False,
) -> TokenLogits:
    """`token_logits` of `logits_fn(hidden)`, some tokens at a time.

    The backward pass computes the logits of a chunk again, so that it never holds more either: one
    product with the vocabulary more than if all were kept.

    Args:
      logits_fn: [tokens, d_model] -> [tokens, vocab].
      hidden: [..., length, d_model].
      targets: int32 [..., length].
      max_tokens: tokens whose logits exist at the same time, over all devices.
      with_total: as of `token_logits`.
    """
    num_tokens = targets.size
    num_chunks = -(-num_tokens // max_tokens)
    chunk = -(-num_tokens // num_chunks)

    def dealt(array):
        """[tokens, ...] -> [chunks, tokens of one, ...], every device keeping its tokens."""
        padding = ((0, chunk * num_chunks - num_tokens),) + ((0, 0),) * (array.ndim - 1)
        parts = jnp.pad(array, padding).reshape(chunk, num_chunks, *array.shape[1:])
        return jnp.swapaxes(parts, 0, 1)

    def gathered(array):
        return jnp.swapaxes(array, 0, 1).reshape(-1)[:num_tokens].reshape(targets.shape)

    @functools.partial(jax.checkpoint, prevent_cse=False)
    def of_chunk(hidden, targets):
        return token_logits(logits_fn(hidden), targets, with_total=with_total)

    parts = dealt(hidden.reshape(num_tokens, -1)), dealt(targets.reshape(num_tokens))
    _, found = jax.lax.scan(lambda _, part: (None, of_chunk(*part)), None, parts)
    return jax.tree.map(gathered, found)


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
