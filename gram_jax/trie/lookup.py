"""Questions to a `CodeTrie` on the device, each answered by gathers from its arrays.

Knows nodes and edges; nothing of scores. Padding and leaves allow nothing, so any node may be
asked about.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp

from gram_jax.trie.code_trie import NO_CODE, CodeTrie


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["first_edge", "num_edges", "tail_tokens", "ended_codes"],
    meta_fields=[],
)
@dataclasses.dataclass(frozen=True)
class Choices:
    """What may follow a prefix: the code ends here, or goes on by one of a run of edges.

    A tail that goes on is told as a run of one edge that leads back to its own node: `edge + 1` is
    the child in either case, only the token comes from `tail_tokens` instead of the edge.
    """

    first_edge: jax.Array  # int32 [...], of the edges that go on
    num_edges: jax.Array  # int32 [...], how many go on
    tail_tokens: jax.Array  # int32 [...], by which a tail goes on; 0 where it ends or none is
    ended_codes: jax.Array  # int32 [...], the code that EOS completes here, else NO_CODE


def choices(trie: CodeTrie, nodes: jax.Array, position: jax.Array) -> Choices:
    """What the trie allows after each of some nodes.

    Args:
      trie: what exists.
      nodes: int32 [...].
      position: int32, one for all or one for each: how many tokens lie before a node. Of a node
        that is no tail the trie knows it.
    """
    start = trie.row_starts[nodes]
    width = trie.row_starts[nodes + 1] - start
    code = trie.node_code[nodes]
    tail = code != NO_CODE
    # A code's end is the first edge of its row. An empty row has none, and its start points at
    # another node's edge or at padding.
    ends_by_edge = (width > 0) & (trie.edge_tokens[start] == trie.eos_id)
    following = jnp.where(tail, _token_at(trie, code, position), 0)
    goes_on = (following != 0) & (following != trie.eos_id)
    ended = jnp.where(ends_by_edge, trie.node_code[start + 1],
                      jnp.where(following == trie.eos_id, code, NO_CODE))
    return Choices(
        first_edge=jnp.where(tail, nodes - 1, start + ends_by_edge),
        num_edges=jnp.where(tail, goes_on, width - ends_by_edge),
        tail_tokens=jnp.where(goes_on, following, 0),
        ended_codes=ended,
    )


def is_tail(trie: CodeTrie, nodes: jax.Array) -> jax.Array:
    """Whether only one code passes each node; bool, of the shape of `nodes`."""
    return trie.node_code[nodes] != NO_CODE


def tail_code(trie: CodeTrie, nodes: jax.Array) -> jax.Array:
    """The one code that passes each node, NO_CODE where there is no such; of `nodes`' shape."""
    return trie.node_code[nodes]


def _token_at(trie: CodeTrie, codes: jax.Array, position: jax.Array) -> jax.Array:
    """The token of each code at a position, 0 after its end; any for NO_CODE."""
    last = trie.max_depth - 1
    tokens = trie.code_tokens[jnp.maximum(codes, 0), jnp.minimum(position, last)]
    return jnp.where(position <= last, tokens, 0)
