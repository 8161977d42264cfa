"""Which posting stands in which place: the candidates of a batch of queries, numbered in a row.

Knows beams and where postings start; nothing of scores.

Index glossary: a *candidate* is one posting of one beam; a row's candidates are numbered one after
the other, beam by beam, in *places*. How many places are computed follows how many candidates
there are, in steps of 4: a program holds a branch for each size.
"""

import dataclasses
from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp

from gram_jax.decoding.beam_state import Beams
from gram_jax.retrieval.device_index import DeviceIndex

_SIZE_STEP = 4
_SMALLEST_SIZE = 1024

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class Places:
    """Each [batch, size]; places that do not exist name the first posting."""

    exists: jax.Array  # bool
    beam: jax.Array  # int32, the place's beam in its row
    postings: jax.Array  # int32
    products: jax.Array  # int32


@dataclasses.dataclass(frozen=True)
class BeamPostings:
    """Of each beam, [batch, beam]: its code, and the postings that it adds."""

    codes: jax.Array  # int32, 0 where the beam is not alive
    sizes: jax.Array  # int32, postings; 0 where the beam is not alive
    ends: jax.Array  # int32, the place after its last
    offsets: jax.Array  # int32, from a place to its posting


def postings_of_beams(index: DeviceIndex, beams: Beams) -> BeamPostings:
    """The postings of beams of this index."""
    codes = jnp.maximum(beams.code_ids, 0)
    starts = index.posting_starts[codes]
    sizes = jnp.where(beams.alive, index.posting_starts[codes + 1] - starts, 0)
    ends = jnp.cumsum(sizes, axis=1, dtype=jnp.int32)
    return BeamPostings(codes, sizes, ends, starts - (ends - sizes))


def places_of(index: DeviceIndex, found: BeamPostings, size: int) -> Places:
    """The first `size` places of each row."""
    batch, num_beams = found.codes.shape
    places = jnp.broadcast_to(jnp.arange(size, dtype=jnp.int32), (batch, size))
    exists = places < found.ends[:, -1:]
    beam = (places[:, :, None] >= found.ends[:, None, :]).sum(-1, dtype=jnp.int32)
    beam = jnp.minimum(beam, num_beams - 1)
    postings = jnp.where(exists, places + of_beam(found.offsets, beam), 0)
    return Places(exists, beam, postings, entries(index.posting_products, postings))


def at_size(index: DeviceIndex, found: BeamPostings,
            of_size: Callable[[int], Callable[[], Result]]) -> Result:
    """What `of_size(size)()` gives at the least size that holds every row's candidates."""
    sizes = sizes_up_to(index.candidate_capacity)
    too_small = found.ends[:, -1].max() > jnp.array(sizes[:-1], jnp.int32)
    return jax.lax.switch(too_small.sum(), [of_size(size) for size in sizes])


def sizes_up_to(capacity: int) -> tuple[int, ...]:
    """The sizes that branches are made for, rising to the capacity."""
    sizes = [capacity]
    while sizes[0] > _SMALLEST_SIZE:
        sizes.insert(0, -(-sizes[0] // _SIZE_STEP))
    return tuple(sizes)


def of_beam(values: jax.Array, beam: jax.Array) -> jax.Array:
    """The value ([batch, beams]) of each place's beam ([batch, n]), without a gather."""
    is_own = beam[:, :, None] == jnp.arange(values.shape[1])
    return jnp.where(is_own, values[:, None, :], 0).sum(-1, dtype=values.dtype)


def entries(array: jax.Array, places: jax.Array) -> jax.Array:
    """The rows of `array` at places that are known to exist."""
    return array.at[places].get(mode="promise_in_bounds")


def pick(array: jax.Array, columns: jax.Array) -> jax.Array:
    """Of each row of `array` ([batch, n, ...]) the entries at its own columns, in range."""
    return jnp.take_along_axis(array, columns, axis=1, mode="promise_in_bounds")
