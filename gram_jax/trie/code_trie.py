"""The trie as arrays: all that a device needs to know of which codes exist.

Knows token ids and code ids; nothing of texts, of what a token means, or of models.

Index glossary: a *node* stands for a prefix of at least one code; node 0 is the empty prefix. An
*edge* leads from a node by one token to a child; the edges of node `n` are
`row_starts[n] .. row_starts[n + 1] - 1`, and edge `e` leads to node `e + 1`: nodes are numbered
breadth first, so that children need not be stored. A code's end is an edge like any other, whose
token is EOS.

Tails are compressed. A node that only one code passes is a *tail*: it has no edges and no
descendants, it names its code, and what follows is read from that code's tokens. A *leaf* is a
tail of which nothing is left. So there are about as many nodes as codes, however long those are.
"""

import dataclasses
import functools

import jax
import numpy as np

ROOT = 0
"""The node of the empty prefix."""

NO_CODE = -1
"""`node_code` of a node that several codes pass, or none."""

Array = jax.Array | np.ndarray


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["row_starts", "edge_tokens", "node_code", "code_tokens"],
    meta_fields=["max_depth", "vocab_size", "eos_id"],
)
@dataclasses.dataclass(frozen=True)
class CodeTrie:
    """A prefix trie over variable-length codes in compressed sparse rows.

    Within a row the EOS edge comes first, where there is one, and the others follow by rising
    token. Arrays are padded to capacities: padding nodes have no edges and no code, padding edges
    belong to no node, padding codes are zeros. Two tries of the same capacities and static fields
    share every program compiled for either.
    """

    row_starts: Array  # int32 [node_capacity + 1]
    edge_tokens: Array  # int32 [node_capacity], there is one node more than edges
    node_code: Array  # int32 [node_capacity], the only code that passes, else NO_CODE
    code_tokens: Array  # int32 [code_capacity, max_depth], EOS included, 0 after it
    max_depth: int  # static: no code with its EOS has more tokens
    vocab_size: int  # static: tokens are below it
    eos_id: int  # static: the token that ends a code

    @property
    def node_capacity(self) -> int:
        """How many nodes the arrays hold."""
        return self.node_code.shape[0]

    @property
    def code_capacity(self) -> int:
        """How many codes the arrays hold."""
        return self.code_tokens.shape[0]
