"""Dropout whose mask is shared along the length axis, as T5X draws it.

A mask of [batch, 1, features] rather than [batch, length, features] makes random numbers a
negligible part of a training step.
"""

import jax


def split_rng(rng: jax.Array | None, num: int) -> tuple[jax.Array | None, ...]:
    """`num` keys from one, or as many Nones from None (which means: no dropout)."""
    return (None,) * num if rng is None else tuple(jax.random.split(rng, num))


def dropout(inputs: jax.Array, rate: float, rng: jax.Array | None) -> jax.Array:
    """Zeroes features with probability `rate` and scales up the rest, so that means are kept.

    Args:
      inputs: [..., length, features]; all positions of a row lose the same features.
      rate: probability of losing a feature, in [0, 1).
      rng: a key, or None for no dropout.

    Returns:
      An array like `inputs`.
    """
    if rng is None or rate == 0.0:
        return inputs
    mask_shape = (*inputs.shape[:-2], 1, inputs.shape[-1])
    kept = jax.random.bernoulli(rng, 1.0 - rate, mask_shape)
    return inputs * (kept * (1.0 / (1.0 - rate))).astype(inputs.dtype)
