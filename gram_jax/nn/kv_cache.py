"""Keys and values of past decoder positions, shared by the beams of a query.

Beams keep exchanging their pasts. Instead of moving keys and values, the cache leaves each where
it was written, in slot j when beam j wrote it, and remembers for every beam and position which
slot holds its past: to reorder beams is to reorder a few integers. All beams of a query attend
to all slots in one matrix product, the slots of other beams hidden by the bias.
"""

import jax
import jax.numpy as jnp

from gram_jax.nn.attention import MASKED, KeysValues


def empty_keys_values(
    batch: int, heads: int, max_length: int, beams: int, head_dim: int, dtype: jnp.dtype
) -> KeysValues:
    """Zeros for `max_length` positions of `beams` slots each: [batch, heads, keys, head_dim].

    Keys are position-major: the key of slot j at position p is number p * beams + j.
    """
    zeros = jnp.zeros((batch, heads, max_length * beams, head_dim), dtype)
    return KeysValues(zeros, zeros)


def write(cache: KeysValues, fresh: KeysValues, position: jax.Array) -> KeysValues:
    """Writes the keys and values of all beams [batch, heads, beams, head_dim] at `position`."""
    start = position * fresh.keys.shape[2]
    return KeysValues(
        jax.lax.dynamic_update_slice_in_dim(cache.keys, fresh.keys, start, axis=2),
        jax.lax.dynamic_update_slice_in_dim(cache.values, fresh.values, start, axis=2),
    )


def write_slots(slots: jax.Array, position: jax.Array) -> jax.Array:
    """Notes that every beam writes `position` in its own slot; slots: see `slot_bias`."""
    batch, beams, _ = slots.shape
    own = jnp.broadcast_to(jnp.arange(beams, dtype=slots.dtype)[None, :, None], (batch, beams, 1))
    return jax.lax.dynamic_update_slice_in_dim(slots, own, position, axis=2)


def reorder_slots(slots: jax.Array, parents: jax.Array) -> jax.Array:
    """The slots of beams that continue beams `parents`, int32 [batch, beams]."""
    return jnp.take_along_axis(slots, parents[:, :, None], axis=1)


def slot_bias(slots: jax.Array, position: jax.Array, position_bias: jax.Array) -> jax.Array:
    """The bias of every beam's query at `position` against every slot.

    Args:
      slots: int32 [batch, beams, max_length], the slot that holds each beam's past.
      position: int32 [], the position being decoded; later ones are hidden.
      position_bias: float32 [1, heads, 1, max_length], the relative position bias.

    Returns:
      float32 [batch, heads, beams, max_length * beams].
    """
    batch, beams, max_length = slots.shape
    seen = jnp.arange(max_length) <= position
    mine = slots[..., None] == jnp.arange(beams)
    bias = jnp.where((mine & seen[:, None])[:, None], position_bias[..., None], MASKED)
    return bias.reshape(batch, -1, beams, max_length * beams)
