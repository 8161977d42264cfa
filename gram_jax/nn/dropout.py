"""Dropout whose mask is shared along the length axis, as T5X draws it.

Random numbers are a small part of a training step here: a mask is [batch, 1, features] rather
than [batch, length, features], a byte decides, and the bytes of a whole call are drawn in few
pieces, because each draw is a program of its own to compile.
"""

import math

import jax
import jax.numpy as jnp

_BLOCK = 4096


class DropoutStream:
    """The random bytes of one call of a model.

    Stateful while a function is traced, so it must not be shared between traces.

    Args:
      rng: a key.
    """

    def __init__(self, rng: jax.Array):
        self._rng = rng
        self._num_draws = 0
        self._left: dict[int, jax.Array] = {}

    def take(self, rows: int, width: int) -> jax.Array:
        """uint8 [rows, width] bytes that no other caller gets."""
        left = self._left.get(rows)
        if left is None or left.shape[1] < width:
            rng = jax.random.fold_in(self._rng, self._num_draws)
            self._num_draws += 1
            left = jax.random.bits(rng, (rows, max(width, _BLOCK)), jnp.uint8)
        self._left[rows] = left[:, width:]
        return left[:, :width]

    def split(self, num: int) -> jax.Array:
        """Keys [num] for streams whose bytes no other caller gets."""
        rng = jax.random.fold_in(self._rng, self._num_draws)
        self._num_draws += 1
        return jax.random.split(rng, num)


def dropout(inputs: jax.Array, rate: float, stream: DropoutStream | None) -> jax.Array:
    """Zeroes features with probability `rate` and scales up the rest, so that means are kept.

    Args:
      inputs: [rows, ..., length, features]; all positions of a row lose the same features.
      rate: probability of losing a feature, in [0, 1); rounded to a 256th.
      stream: random bytes, or None for no dropout.

    Returns:
      An array like `inputs`.
    """
    dropped = round(256 * rate)
    if stream is None or dropped == 0:
        return inputs
    rows, *between, _, features = inputs.shape
    taken = stream.take(rows, math.prod(between) * features)
    kept = (taken >= dropped).reshape(rows, *between, 1, features)
    return inputs * (kept * (256.0 / (256 - dropped))).astype(inputs.dtype)
