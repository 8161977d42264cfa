"""Keys and values of the positions a decoder has seen, for every beam of every text.

They are written once and never moved: each beam of a step writes into the slot of its own number,
and for every position a beam knows the slot that its ancestor wrote. Beams that exchange their
pasts then exchange a few integers, and a step gathers the keys and values that it attends to.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from gram_jax.nn.attention import MASKED, KeysValues


class Past(NamedTuple):
    """What all layers have seen."""

    layers: tuple[KeysValues, ...]  # [batch, slots, heads, max_length, head_dim]
    slots: jax.Array  # int32 [batch, beam, max_length], where each beam's positions lie


def empty_past(num_layers: int, batch: int, max_beams: int, heads: int, max_length: int,
               head_dim: int, dtype: jnp.dtype) -> Past:
    """Room for `max_length` positions of `max_beams` beams a text; there is one beam so far."""
    zeros = jnp.zeros((batch, max_beams, heads, max_length, head_dim), dtype)
    return Past((KeysValues(zeros, zeros),) * num_layers,
                jnp.zeros((batch, 1, max_length), jnp.int32))


def own_slots(slots: jax.Array, position: jax.Array, num: int) -> jax.Array:
    """`slots` once each beam has written its next `num` positions, from `position` on."""
    batch, beams, _ = slots.shape
    own = jnp.broadcast_to(jnp.arange(beams, dtype=jnp.int32)[:, None], (batch, beams, num))
    return jax.lax.dynamic_update_slice_in_dim(slots, own, position, axis=2)


def write(layer: KeysValues, fresh: KeysValues, position: jax.Array) -> KeysValues:
    """Writes keys and values of `position` and after, arrays [batch, beams, heads, num, head_dim].

    All of them must fit: where they do not, positions before are overwritten.
    """
    return KeysValues(*(
        jax.lax.dynamic_update_slice(old, new, (0, 0, 0, position, 0))
        for old, new in zip(layer, fresh)
    ))


def seen(layer: KeysValues, slots: jax.Array) -> KeysValues:
    """What each beam sees of a layer: arrays [batch, beam, heads, max_length, head_dim]."""
    index = slots[:, :, None, :, None]
    return KeysValues(*(jnp.take_along_axis(array, index, axis=1, mode="clip") for array in layer))


def reorder(past: Past, parents: jax.Array) -> Past:
    """The past of beams that continue beams `parents`, int32 [batch, new_beams]."""
    slots = jnp.take_along_axis(past.slots, parents[:, :, None], axis=1, mode="clip")
    return past._replace(slots=slots)


def select(past: Past, rows: jax.Array, beams: jax.Array, max_length: int) -> Past:
    """The past in which beam `beams[i]` of row `rows[i]` (int32 [n] each) is row i, alone.

    Args:
      past: of any beams.
      rows, beams: which.
      max_length: positions that there is to be room for, at least as many as now.
    """
    length = past.slots.shape[2]
    # Where there is only room, not yet anything, stands what is at the last position.
    positions = jnp.minimum(jnp.arange(max_length), length - 1)
    slots = past.slots[rows, beams][:, positions]

    def selected(array):
        return array[rows[:, None], slots, :, positions].swapaxes(1, 2)[:, None]

    return Past(tuple(KeysValues(*map(selected, layer)) for layer in past.layers),
                jnp.zeros((len(rows), 1, max_length), jnp.int32))


def past_bias(positions: jax.Array, keys: jax.Array) -> jax.Array:
    """float32 [1, 1, num, keys]: hides from each position the keys after it.

    Args:
      positions: int32 [num], that look back.
      keys: int32 [keys], positions that are looked at; those not written yet lie after.
    """
    return jnp.where(keys <= positions[:, None], 0.0, MASKED)[None, None]
