"""Finds equal numbers in a row on the device, without sorting them.

Knows numbers only. A sort of a few thousand pairs costs more on a CPU than all else that ranking
does; writing into a hash table costs a tenth of it. Places whose number loses its slot to another
number try again in a fresh table with another hash, all places of one number together, until none
is left: in every round at least one number of each slot wins, so that the rounds end.
"""

import jax
import jax.numpy as jnp

_SLOTS_A_PLACE = 8
"""The wider the table, the fewer rounds; an empty slot costs a write of 4 bytes."""

_GOLDEN = 0x9E3779B9
_MIX = 0x85EBCA6B


def group_leaders(numbers: jax.Array, exists: jax.Array) -> jax.Array:
    """For each place, the first place of its row that holds the same number.

    Args:
      numbers: int32 [batch, n].
      exists: bool [batch, n]; places that do not exist lead themselves alone.

    Returns:
      int32 [batch, n].
    """
    num_places = numbers.shape[1]
    num_bits = (_SLOTS_A_PLACE * num_places - 1).bit_length()
    places = jnp.arange(num_places, dtype=jnp.int32)

    def is_unfinished(state) -> jax.Array:
        return state[2].any()

    def try_again(state):
        number_of_round, leaders, waiting = state
        slots = _hash(numbers, number_of_round, num_bits)
        firsts = _first_in_slot(slots, waiting, 1 << num_bits)
        won = waiting & (_pick(numbers, firsts) == numbers)
        return number_of_round + 1, jnp.where(won, firsts, leaders), waiting & ~won

    alone = jnp.broadcast_to(places, numbers.shape)
    return jax.lax.while_loop(is_unfinished, try_again, (jnp.uint32(0), alone, exists))[1]


def _hash(numbers: jax.Array, number_of_round: jax.Array, num_bits: int) -> jax.Array:
    """A slot below 2^num_bits for each number, another one in each round; int32."""
    mixed = (numbers.astype(jnp.uint32) ^ (number_of_round * jnp.uint32(_MIX))) * jnp.uint32(
        _GOLDEN)
    mixed = (mixed ^ (mixed >> 15)) * jnp.uint32(_MIX)
    return (mixed >> (32 - num_bits)).astype(jnp.int32)


def _first_in_slot(slots: jax.Array, waiting: jax.Array, num_slots: int) -> jax.Array:
    """The first waiting place in each place's slot, int32 [batch, n]; any where none waits."""
    num_places = slots.shape[1]

    def of_row(slots, waiting):
        places = jnp.where(waiting, jnp.arange(num_places, dtype=jnp.int32), num_places - 1)
        table = jnp.full(num_slots, num_places - 1, jnp.int32)
        return table.at[slots].min(places, mode="promise_in_bounds").at[slots].get(
            mode="promise_in_bounds")

    return jax.vmap(of_row)(slots, waiting)


def _pick(array: jax.Array, columns: jax.Array) -> jax.Array:
    return jnp.take_along_axis(array, columns, axis=1, mode="promise_in_bounds")
