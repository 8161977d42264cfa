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
    """Writes keys and values of `position` and after, arrays [batch, beams, heads, num, head_dim].

    All of them must fit: where they do not, positions before are overwritten.
    """
    return KeysValues(*(
        jax.lax.dynamic_update_slice_in_dim(old, new, position, axis=3)
        for old, new in zip(past, fresh)
    ))


def reorder(past: KeysValues, parents: jax.Array) -> KeysValues:
    """The past of beams that continue beams `parents`, int32 [batch, new_beams]."""
    index = parents[:, :, None, None, None]
    return KeysValues(*(jnp.take_along_axis(array, index, axis=1, mode="clip") for array in past))


def past_bias(positions: jax.Array, keys: jax.Array) -> jax.Array:
    """float32 [1, 1, num, keys]: hides from each position the keys after it.

    Args:
      positions: int32 [num], that look back.
      keys: int32 [keys], positions that are looked at; those not written yet lie after.
    """
    return jnp.where(keys <= positions[:, None], 0.0, MASKED)[None, None]
