"""The order of codes by their tokens, and how much neighbours in it share.

Knows token ids. EOS counts as the lowest token, so that a code comes before those that it would
be a prefix of, whatever EOS's id is.
"""

import numpy as np

_KEY_BITS = 64
_CHUNK = 1 << 16
"""Codes compared together; few enough to stay in a processor's cache."""


def sort_codes(
    code_tokens: np.ndarray, *, vocab_size: int, eos_id: int
) -> tuple[np.ndarray, tuple[int, int] | None]:
    """The order of the codes, and two that are equal if any are.

    Sorts by as many tokens as fit in 64 bits, then only what is still tied by the next ones; the
    number of the tie takes the upper bits of a key, so that a code stays within its tie.

    Args:
      code_tokens: int32 [codes, length], EOS included, 0 after it; tokens in 1 .. vocab_size - 1.
      vocab_size: tokens are below it.
      eos_id: the token that ends a code.

    Returns:
      int32 [codes], and of the equal codes the pair (first, second) whose second comes first.
    """
    num_codes, length = code_tokens.shape
    token_bits = (vocab_size - 1).bit_length()
    order = np.arange(num_codes, dtype=np.int32)
    # The places in the order whose codes are still tied, and for each the number of its tie.
    places, ties = np.arange(num_codes, dtype=np.int32), np.zeros(num_codes, np.uint64)
    position = 0
    while len(places) > 1 and position < length:
        keys, codes = ties, order[places]
        # The last place is in the last tie: the number of ties is known from it.
        free_bits = _KEY_BITS - int(ties[-1]).bit_length()
        end = min(length, position + max(1, free_bits // token_bits))
        for column in range(position, end):
            tokens = code_tokens[codes, column]
            tokens[tokens == eos_id] = 0
            keys = (keys << np.uint64(token_bits)) | tokens.astype(np.uint64)
        by_key = np.argsort(keys)
        order[places] = codes[by_key]
        places, ties = _still_tied(places, keys[by_key])
        position = end
    return order, _first_repeat(order[places], ties) if len(places) > 1 else None


def _still_tied(places: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The places whose sorted key a neighbour shares, and the number of each one's tie."""
    as_before = np.zeros(len(keys) + 1, bool)
    np.equal(keys[1:], keys[:-1], out=as_before[1:-1])
    is_tied = as_before[:-1] | as_before[1:]
    opens = ~as_before[:-1][is_tied]
    return places[is_tied], (np.cumsum(opens) - 1).astype(np.uint64)


def _first_repeat(codes: np.ndarray, ties: np.ndarray) -> tuple[int, int]:
    """Of codes that are equal within a tie, the first that repeats another, after that other."""
    by_tie = np.lexsort((codes, ties))
    codes, ties = codes[by_tie], ties[by_tie]
    opens = np.flatnonzero(np.diff(ties, prepend=ties[:1] + np.uint64(1)))
    tie = opens[np.argmin(codes[opens + 1])]
    return int(codes[tie]), int(codes[tie + 1])


def shared_lengths(code_tokens: np.ndarray, order: np.ndarray) -> np.ndarray:
    """How many tokens each code in the order shares with the one before it.

    Returns:
      int16 [codes + 1]; -1 at both ends, where there is no neighbour to share even the empty
      prefix with.
    """
    shared = np.full(len(order) + 1, -1, np.int16)
    for start in range(1, len(order), _CHUNK):
        rows = code_tokens[order[start - 1 : start + _CHUNK]]
        differs = rows[1:] != rows[:-1]
        shared[start : start + len(differs)] = differs.argmax(axis=1)
    return shared
