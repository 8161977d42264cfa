"""Builds a `CodeTrie` from unsorted codes, in NumPy, one pass over the codes a depth.

Knows token ids only. Codes are sorted once; a node then is a place where a code's prefix differs
from that of the code before it, so that nodes and edges fall out of comparisons of neighbours.
"""

from collections.abc import Sequence

import numpy as np

from gram_jax.core.errors import InputError
from gram_jax.trie.capacity import capacity_class
from gram_jax.trie.code_checks import check_codes, code_name
from gram_jax.trie.code_order import shared_lengths, sort_codes
from gram_jax.trie.code_trie import NO_CODE, CodeTrie

_DEPTH_MULTIPLE = 4


def build_trie(
    code_tokens: np.ndarray,
    *,
    vocab_size: int,
    eos_id: int,
    names: Sequence[str] | None = None,
    node_capacity: int | None = None,
    code_capacity: int | None = None,
    max_depth: int | None = None,
) -> CodeTrie:
    """Builds the trie in which code `i` is row `i`.

    Args:
      code_tokens: integers [codes, length], each code with EOS, 0 after it, in any order
        (`text.encoding.with_eos` makes them of lists). Without its EOS a code may be the prefix of
        another. No codes at all make a trie that admits nothing.
      vocab_size: tokens are in 1 .. vocab_size - 1.
      eos_id: the token that ends a code.
      names: what to call the codes in messages; their index is always named.
      node_capacity: nodes to make room for; by default `capacity_class` of those there are.
      code_capacity: codes to make room for, likewise.
      max_depth: tokens of a code, EOS included, to make room for; by default the longest code's,
        rounded up to a multiple of 4.

    Returns:
      A trie of NumPy arrays; `jax.device_put` moves it.

    Raises:
      InputError: a code is empty, repeats another, does not end, or holds padding or a token out
        of range.
      ValueError: the codes do not fit in a capacity or in `max_depth`.
    """
    if not 0 < eos_id < vocab_size:
        raise ValueError(f"eos_id {eos_id} is not in 1 .. {vocab_size - 1}")
    if code_tokens.ndim != 2 or not np.issubdtype(code_tokens.dtype, np.integer):
        raise ValueError("code_tokens must be integers [codes, length], not "
                         f"{code_tokens.dtype} {code_tokens.shape}")
    depth = check_codes(code_tokens, vocab_size=vocab_size, eos_id=eos_id, names=names)
    max_depth = max_depth or max(1, -(-depth // _DEPTH_MULTIPLE)) * _DEPTH_MULTIPLE
    code_capacity = code_capacity or capacity_class(len(code_tokens))
    if depth > max_depth:
        raise ValueError(f"the longest code has {depth} tokens with EOS; max_depth is {max_depth}")
    if len(code_tokens) > code_capacity:
        raise ValueError(f"there are {len(code_tokens)} codes; code_capacity is {code_capacity}")

    code_tokens = code_tokens[:, :depth]
    order, repeat = sort_codes(code_tokens, vocab_size=vocab_size, eos_id=eos_id)
    if repeat:
        first, second = (code_name(code, names) for code in repeat)
        raise InputError(f"{second} has the same tokens as {first}",
                         remedy="keep one of the two, or use a vocabulary that tells them apart")
    rows = _number_nodes(code_tokens, order, node_capacity)
    padded = np.zeros((code_capacity, max_depth), np.int32)
    padded[:len(code_tokens), :depth] = code_tokens
    return CodeTrie(*rows, padded, max_depth, vocab_size, eos_id)


def _number_nodes(
    code_tokens: np.ndarray, order: np.ndarray, capacity: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`row_starts`, `edge_tokens` and `node_code` of sorted codes, padded to the capacity.

    A code opens a node at every depth from the first at which it differs from the code before it
    to the first at which it differs from both neighbours, where its tail begins.
    """
    shared = shared_lengths(code_tokens, order)
    first_depths, tail_depths = shared[:-1] + 1, np.maximum(shared[:-1], shared[1:]) + 1
    num_nodes = max(1, int((tail_depths - first_depths + 1).sum(dtype=np.int64)))
    capacity = capacity or capacity_class(num_nodes)
    if num_nodes > capacity:
        raise ValueError(f"the trie has {num_nodes} nodes; node_capacity is {capacity}")
    row_starts = np.zeros(capacity + 1, np.int32)
    edge_tokens = np.zeros(capacity, np.int32)
    node_code = np.full(capacity, NO_CODE, np.int32)

    # Level by level and, within one, in the order of the codes: so edges come out ordered by
    # parent, edge e leads to node e + 1, and rows are contiguous.
    going_on = np.arange(len(order), dtype=np.int32)  # places of codes with a node at this depth
    above, start, depth = going_on[:0], 0, 0
    while len(going_on):
        opening = going_on[first_depths[going_on] <= depth]
        codes, nodes = order[opening], slice(start, start + len(opening))
        node_code[nodes] = np.where(tail_depths[opening] == depth, codes, NO_CODE)
        if depth:
            edge_tokens[nodes.start - 1 : nodes.stop - 1] = code_tokens[codes, depth - 1]
            # A code that opened no node above shares that of the nearest code before it that did.
            parents = np.searchsorted(above, opening, side="right") - 1
            row_starts[start - len(above) + 1 : start + 1] = np.bincount(
                parents, minlength=len(above))
        above, start, depth = opening, nodes.stop, depth + 1
        going_on = going_on[tail_depths[going_on] >= depth]
    np.cumsum(row_starts, out=row_starts)
    return row_starts, edge_tokens, node_code
