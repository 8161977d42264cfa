"""Builds a `CodeTrie` from unsorted codes, in NumPy, one pass over the codes a depth.

Knows token ids only. Codes are sorted once; a node then is a place where a code's prefix differs
from that of the code before it, so that nodes and edges fall out of comparisons of neighbours.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from gram_jax.core.errors import InputError
from gram_jax.trie.code_trie import NO_CODE, CodeTrie

_PAD = 0
_MIN_CAPACITY = 256
_DEPTH_MULTIPLE = 4


def build_trie(
    code_tokens: Sequence[Sequence[int]],
    *,
    vocab_size: int,
    eos_id: int,
    names: Sequence[str] | None = None,
    capacity: int | None = None,
    max_depth: int | None = None,
) -> CodeTrie:
    """Builds the trie in which code `i` is `code_tokens[i]` followed by EOS.

    Args:
      code_tokens: the tokens of each code, without EOS, in any order; a code may be the prefix of
        another. No codes at all make a trie that admits nothing.
      vocab_size: tokens are in 1 .. vocab_size - 1.
      eos_id: the token that ends a code.
      names: what to call the codes in messages; their index is always named.
      capacity: nodes to make room for; by default the next power of two, so that a few codes more
        or fewer rarely change a shape.
      max_depth: tokens of a code, EOS included, to make room for; by default the longest code's,
        rounded up to a multiple of 4.

    Returns:
      A trie of NumPy arrays; `jax.device_put` moves it.

    Raises:
      InputError: a code is empty, repeats another, or holds padding, EOS or a token out of range.
      ValueError: the codes do not fit in `capacity` or `max_depth`.
    """
    padded, lengths = _padded_codes(code_tokens)
    _check_codes(padded, lengths, vocab_size=vocab_size, eos_id=eos_id, names=names)
    depth = padded.shape[1] + 1 if len(lengths) else 1
    max_depth = max_depth or _round_up(depth, _DEPTH_MULTIPLE)
    if depth > max_depth:
        raise ValueError(f"the longest code has {depth} tokens with EOS; max_depth is {max_depth}")

    # Padding is below every token, so a code sorts before those that it is a prefix of: that puts
    # the EOS edge first in its row. lexsort takes its primary key last.
    order = np.lexsort(padded.T[::-1]) if len(lengths) else np.zeros(0, np.int64)
    padded, lengths = padded[order], lengths[order]
    first_new = _first_new_depths(padded, order, names)

    # Level by level and, within one, in the order of the codes: so edges come out ordered by
    # parent, edge e leads to node e + 1, and rows are contiguous.
    parents, tokens, codes = [], [], []
    num_nodes = 1
    prefix_node = np.zeros(len(order), np.int32)  # the node of each code's prefix at this depth
    for position in range(depth if len(order) else 0):
        is_new = (first_new <= position) & (position <= lengths)
        rows = np.flatnonzero(is_new)
        is_end = lengths[rows] == position
        parents.append(prefix_node[rows])
        column = padded[:, position] if position < padded.shape[1] else np.full(len(order), _PAD)
        tokens.append(np.where(is_end, eos_id, column[rows]))
        codes.append(np.where(is_end, order[rows], NO_CODE))
        # A code that opens no node here shares that of the nearest code before it that does.
        prefix_node = (num_nodes - 1 + np.cumsum(is_new)).astype(np.int32)
        num_nodes += len(rows)
    return _assemble(parents, tokens, codes, num_nodes, capacity, max_depth, vocab_size)


def _assemble(parents, tokens, codes, num_nodes, capacity, max_depth, vocab_size) -> CodeTrie:
    """Joins the levels and pads them to the capacity."""
    capacity = capacity or max(_MIN_CAPACITY, 1 << (num_nodes - 1).bit_length())
    if num_nodes > capacity:
        raise ValueError(f"the trie has {num_nodes} nodes; capacity is {capacity}")
    num_edges = num_nodes - 1
    row_starts = np.full(capacity + 1, num_edges, np.int32)
    edge_tokens = np.zeros(capacity, np.int32)
    edge_children = np.zeros(capacity, np.int32)
    node_code = np.full(capacity, NO_CODE, np.int32)
    row_starts[0] = 0
    if num_edges:
        widths = np.bincount(np.concatenate(parents), minlength=num_nodes)
        row_starts[1 : num_nodes + 1] = np.cumsum(widths)
        edge_tokens[:num_edges] = np.concatenate(tokens)
        edge_children[:num_edges] = np.arange(1, num_nodes)
        node_code[1:num_nodes] = np.concatenate(codes)
    return CodeTrie(row_starts, edge_tokens, edge_children, node_code, max_depth, vocab_size)


def _padded_codes(code_tokens) -> tuple[np.ndarray, np.ndarray]:
    """int32 [codes, longest] padded with 0, and int32 [codes] lengths."""
    num_codes = len(code_tokens)
    lengths = np.fromiter(map(len, code_tokens), np.int32, num_codes)
    flat = np.fromiter(itertools.chain.from_iterable(code_tokens), np.int64, int(lengths.sum()))
    # Clipped, so that a token beyond int32 is still found out of range and not wrapped round.
    flat = np.clip(flat, -1, np.iinfo(np.int32).max).astype(np.int32)
    longest = int(lengths.max(initial=0))
    padded = np.full((num_codes, longest), _PAD, np.int32)
    padded[np.arange(longest) < lengths[:, None]] = flat
    return padded, lengths


def _check_codes(padded, lengths, *, vocab_size, eos_id, names) -> None:
    """Raises InputError on the first code that cannot be walked or ended."""
    if not 0 < eos_id < vocab_size:
        raise ValueError(f"eos_id {eos_id} is not in 1 .. {vocab_size - 1}")
    remedy = "check that the codes were encoded, without EOS, by the vocabulary of the model"
    is_token = np.arange(padded.shape[1]) < lengths[:, None]
    faults = {
        "is empty": lengths == 0,
        f"holds EOS (token {eos_id})": (is_token & (padded == eos_id)).any(axis=1),
        f"holds padding (token {_PAD})": (is_token & (padded == _PAD)).any(axis=1),
        f"holds a token outside 1 .. {vocab_size - 1}": (
            is_token & ((padded < 0) | (padded >= vocab_size))
        ).any(axis=1),
    }
    for fault, has_fault in faults.items():
        if has_fault.any():
            name = _name(int(np.argmax(has_fault)), names)
            raise InputError(f"{name} {fault}", remedy=remedy)


def _first_new_depths(padded, order, names) -> np.ndarray:
    """For each sorted code, the first position at which it leaves the code before it."""
    first_new = np.zeros(len(order), np.int64)
    if len(order) > 1:
        differs = padded[1:] != padded[:-1]
        first_new[1:] = differs.argmax(axis=1)
        repeats = ~differs.any(axis=1)
        if repeats.any():
            # lexsort is stable, so the first of equal codes comes first.
            place = int(np.argmax(repeats))
            first, second = (_name(int(order[place + i]), names) for i in (0, 1))
            raise InputError(f"{second} has the same tokens as {first}",
                             remedy="keep one of the two, or use a vocabulary that tells them "
                                    "apart")
    return first_new


def _name(index: int, names) -> str:
    return f"code {index}" if names is None else f"code {index} ({names[index]!r})"


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
