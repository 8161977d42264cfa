"""Questions to a `CodeTrie` on the device, each answered by gathers from its arrays.

Knows nodes and edges; nothing of scores. Padding and leaves have no edges, so any node may be
asked about.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp

from gram_jax.trie.code_trie import NO_CODE, CodeTrie


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["first_edge", "num_edges", "eos_tokens", "ended_codes"],
    meta_fields=[],
)
@dataclasses.dataclass(frozen=True)
class Choices:
    """What may follow a prefix: the code ends here, or goes on by one of a run of edges."""

    first_edge: jax.Array  # int32 [...], of the edges that go on
    num_edges: jax.Array  # int32 [...], how many go on
    eos_tokens: jax.Array  # int32 [...], the token that ends the code; any where it cannot end
    ended_codes: jax.Array  # int32 [...], the code that ends here, NO_CODE where none does


def choices(trie: CodeTrie, nodes: jax.Array) -> Choices:
    """What the trie allows after each of `nodes` (int32 [...])."""
    start = trie.row_starts[nodes]
    width = trie.row_starts[nodes + 1] - start
    # A code's end is the first edge of its row. An empty row has none, and its start may point
    # at another node's edge.
    code = trie.node_code[trie.edge_children[start]]
    code = jnp.where(width > 0, code, NO_CODE)
    ends = (code != NO_CODE).astype(jnp.int32)
    return Choices(start + ends, width - ends, trie.edge_tokens[start], code)
