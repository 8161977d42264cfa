"""The index as a program takes it: arrays on the device, padded to capacity classes.

An argument of the program and no part of it: an index whose sizes stay inside their classes takes
the place of another without compiling anything. Knows nothing of queries.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gram_jax.core.errors import ConfigError
from gram_jax.models.code_score import SIDE_COSTS, CodeScoreParams
from gram_jax.retrieval.index import RetrievalIndex
from gram_jax.retrieval.scoring import ScoringHead
from gram_jax.trie.capacity import capacity_class
from gram_jax.trie.code_trie import NO_CODE, CodeTrie

_MOST_PRODUCTS = 1 << 30
_POSTINGS_AT_A_TIME = 1 << 16

Array = jax.Array | np.ndarray


@dataclasses.dataclass(frozen=True)
class Capacities:
    """Room for `nodes`, `codes` of `depth` tokens, `postings`, and a query's `candidates`."""

    nodes: int
    codes: int
    depth: int
    postings: int
    candidates: int

    def __or__(self, other: "Capacities") -> "Capacities":
        """Room for what either has room for."""
        return Capacities(*map(max, dataclasses.astuple(self), dataclasses.astuple(other)))


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["trie", "posting_starts", "posting_products", "posting_costs",
                 "posting_token_log_probs", "code_granularities", "score_params"],
    meta_fields=["candidate_capacity", "beam_size"],
)
@dataclasses.dataclass(frozen=True)
class DeviceIndex:
    """Codes, their postings and what a scoring head reads of each.

    Of a head that adds up a query's cost and a product's, only the product's cost is held; of any
    other head the log-probability of every token.
    """

    trie: CodeTrie
    posting_starts: Array  # int32 [code_capacity + 1]; padding codes have no postings
    posting_products: Array  # int32 [posting_capacity]
    posting_costs: Array | None  # float32 [posting_capacity], before the granularity's weight
    posting_token_log_probs: Array | None  # float16 [posting_capacity, max_depth]
    code_granularities: Array  # int8 [code_capacity]
    score_params: CodeScoreParams
    candidate_capacity: int  # static: no `beam_size` codes have more postings together
    beam_size: int  # static: codes of a query that there is room for

    @property
    def capacities(self) -> Capacities:
        """The room there is."""
        return Capacities(self.trie.node_capacity, self.trie.code_capacity, self.trie.max_depth,
                          self.posting_products.shape[0], self.candidate_capacity)


def needed_capacities(index: RetrievalIndex, beam_size: int) -> Capacities:
    """The least classes that hold the index and the candidates of any `beam_size` codes."""
    sizes = np.diff(index.code_table.posting_starts)
    largest = np.sort(sizes)[-beam_size:].sum()
    return Capacities(index.trie.node_capacity, index.trie.code_capacity, index.trie.max_depth,
                      capacity_class(index.code_table.num_postings), capacity_class(int(largest)))


def device_index(index: RetrievalIndex, scoring: ScoringHead, *, beam_size: int,
                 room_of: Capacities | None = None) -> DeviceIndex:
    """The arrays of an index for a scoring head, of NumPy; `jax.device_put` moves them.

    Args:
      index: what to search.
      scoring: the head that will read it, and its weights.
      beam_size: the most codes of a query.
      room_of: capacities to keep where they are larger, so that an index that shrank fits the
        programs of the one before it.

    Raises:
      ConfigError: there are more products than ranks for them.
    """
    table = index.code_table
    if len(table.product_ids) > _MOST_PRODUCTS:
        raise ConfigError(f"{len(table.product_ids)} products are more than the "
                          f"{_MOST_PRODUCTS} that a program can rank")
    room = needed_capacities(index, beam_size)
    room = room if room_of is None else room | room_of
    costs = log_probs = None
    if scoring.head in SIDE_COSTS:
        costs = _padded(_posting_costs(scoring.head, index), room.postings)
    else:
        log_probs = _padded(index.posting_token_log_probs, room.postings, room.depth)
    return DeviceIndex(
        trie=_with_room(index.trie, room),
        posting_starts=_padded(table.posting_starts, room.codes + 1, fill=table.num_postings),
        posting_products=_padded(table.posting_products, room.postings),
        posting_costs=costs,
        posting_token_log_probs=log_probs,
        code_granularities=_padded(table.granularities, room.codes),
        score_params=CodeScoreParams(*(np.asarray(array, np.float32) for array in (
            scoring.params.granularity_weights, scoring.params.granularity_bias))),
        candidate_capacity=room.candidates,
        beam_size=beam_size)


def abstract_index(room: Capacities, head: str, *, beam_size: int, vocab_size: int,
                   eos_id: int) -> DeviceIndex:
    """A `device_index` of these capacities with a `jax.ShapeDtypeStruct` for every array."""
    def array(dtype, *shape) -> Any:
        return jax.ShapeDtypeStruct(shape, dtype)

    trie = CodeTrie(array(np.int32, room.nodes + 1), array(np.int32, room.nodes),
                    array(np.int32, room.nodes), array(np.int32, room.codes, room.depth),
                    room.depth, vocab_size, eos_id)
    is_sum = head in SIDE_COSTS
    three = array(np.float32, 3)
    return DeviceIndex(
        trie, array(np.int32, room.codes + 1), array(np.int32, room.postings),
        array(np.float32, room.postings) if is_sum else None,
        None if is_sum else array(np.float16, room.postings, room.depth),
        array(np.int8, room.codes), CodeScoreParams(three, three), room.candidates, beam_size)


def index_logical_axes(index: DeviceIndex) -> DeviceIndex:
    """The tree of `index` with, for every array, a tuple of logical axis names.

    Names: 'nodes', 'codes', 'postings'; None for an axis that is never split.
    """
    trie = dataclasses.replace(index.trie, row_starts=(None,), edge_tokens=("nodes",),
                               node_code=("nodes",), code_tokens=("codes", None))
    one, two = ("postings",), ("postings", None)
    return dataclasses.replace(
        index, trie=trie, posting_starts=(None,), posting_products=one,
        posting_costs=None if index.posting_costs is None else one,
        posting_token_log_probs=None if index.posting_token_log_probs is None else two,
        code_granularities=("codes",), score_params=CodeScoreParams((None,), (None,)))


def _posting_costs(head: str, index: RetrievalIndex) -> np.ndarray:
    """What each posting's product costs, summed over its code's tokens: float32 [postings]."""
    table, parts = index.code_table, []
    for start in range(0, table.num_postings, _POSTINGS_AT_A_TIME):
        part = slice(start, start + _POSTINGS_AT_A_TIME)
        log_probs = index.posting_token_log_probs[part]
        mask = index.code_tokens[table.posting_codes[part]] != 0
        # All parts have one shape, so that another number of postings compiles nothing.
        room = _POSTINGS_AT_A_TIME, log_probs.shape[1]
        costs = _costs(head, _padded(log_probs, *room), _padded(mask, *room))
        parts.append(np.asarray(costs)[:len(mask)])
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


@functools.partial(jax.jit, static_argnames="head")
def _costs(head: str, log_probs: jax.Array, mask: jax.Array) -> jax.Array:
    return SIDE_COSTS[head](log_probs.astype(jnp.float32), mask).sum(axis=-1)


def _with_room(trie: CodeTrie, room: Capacities) -> CodeTrie:
    num_edges = trie.row_starts[-1]
    return dataclasses.replace(
        trie,
        row_starts=_padded(trie.row_starts, room.nodes + 1, fill=num_edges),
        edge_tokens=_padded(trie.edge_tokens, room.nodes),
        node_code=_padded(trie.node_code, room.nodes, fill=NO_CODE),
        code_tokens=_padded(trie.code_tokens, room.codes, room.depth),
        max_depth=room.depth)


def _padded(array: np.ndarray, *shape: int, fill=0) -> np.ndarray:
    """The array in the corner of one of this shape."""
    whole = np.full(shape, fill, array.dtype)
    whole[tuple(slice(size) for size in array.shape)] = array
    return whole
