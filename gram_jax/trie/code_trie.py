"""The trie as arrays: all that a device needs to know of which codes exist.

Knows token ids and code ids; nothing of texts, of what a token means, or of models.

Index glossary: a *node* stands for a prefix of at least one code (node 0 is the empty prefix), or,
as a *leaf*, for a whole code with its EOS. An *edge* leads from a node by one token to a child.
The edges of node `n` are `row_starts[n] .. row_starts[n + 1] - 1`. A code's end is an edge like
any other, whose token is EOS and whose child is the leaf.
"""

import dataclasses
import functools

import jax
import numpy as np

ROOT = 0
"""The node of the empty prefix."""

NO_CODE = -1
"""`node_code` of a node that is not a leaf."""

Array = jax.Array | np.ndarray


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["row_starts", "edge_tokens", "edge_children", "node_code"],
    meta_fields=["max_depth", "vocab_size"],
)
@dataclasses.dataclass(frozen=True)
class CodeTrie:
    """A prefix trie over variable-length codes in compressed sparse rows.

    Within a row the EOS edge comes first, where there is one, and the others follow by rising
    token. Arrays are padded to `capacity` nodes: padding nodes have no edges and no code, padding
    edges belong to no node. Two tries of one capacity and the same static fields share every
    program compiled for either.
    """

    row_starts: Array  # int32 [capacity + 1]
    edge_tokens: Array  # int32 [capacity]
    edge_children: Array  # int32 [capacity]
    node_code: Array  # int32 [capacity], the code id of a leaf, else NO_CODE
    max_depth: int  # static: no code with its EOS has more tokens
    vocab_size: int  # static: tokens are below it

    @property
    def capacity(self) -> int:
        """How many nodes, and how many edges, the arrays hold."""
        return self.node_code.shape[0]
