"""Keys and values of the positions a decoder has seen, for every beam of every text.

Beams keep exchanging their pasts, which copies keys and values. The alternative, leaving them in
place and letting all beams of a text attend to all of them under a mask, moves nothing but grows
with the square of the beams; on a CPU it was as fast at 10 beams and slower beyond.
"""

import jax
import jax.numpy as jnp

from gram_jax.nn.attention import MASKED, KeysValues


def empty_past(
    batch: int, beams: int, heads: int, max_length: int, head_dim: int, dtype: jnp.dtype
) -> KeysValues:
    """Room for `max_length` positions: arrays [batch, beams, heads, max_length, head_dim]."""
    zeros = jnp.zeros((batch, beams, heads, max_length, head_dim), dtype)
    return KeysValues(zeros, zeros)


def write(past: KeysValues, fresh: KeysValues, position: jax.Array) -> KeysValues:
    """Writes keys and values of one position, arrays [batch, beams, heads, 1, head_dim]."""
    return KeysValues(*(
        jax.lax.dynamic_update_slice_in_dim(old, new, position, axis=3)
        for old, new in zip(past, fresh)
    ))


def reorder(past: KeysValues, parents: jax.Array) -> KeysValues:
    """The past of beams that continue beams `parents`, int32 [batch, beams]."""
    index = parents[:, :, None, None, None]
    return KeysValues(*(jnp.take_along_axis(array, index, axis=1, mode="clip") for array in past))


def past_bias(position: jax.Array, max_length: int) -> jax.Array:
    """float32 [1, 1, 1, max_length]: hides positions after `position`, which hold nothing yet."""
    return jnp.where(jnp.arange(max_length) <= position, 0.0, MASKED)[None, None, None]
