"""What is wrong with a code's tokens, said with the code's name. Knows token ids only."""

from collections.abc import Sequence

import numpy as np

from gram_jax.core.errors import InputError

_PAD = 0
_CHUNK = 1 << 16
"""Codes checked together; few enough to stay in a processor's cache."""


def check_codes(
    code_tokens: np.ndarray, *, vocab_size: int, eos_id: int, names: Sequence[str] | None
) -> int:
    """Checks that every code is tokens, one EOS, and padding from there on.

    Args:
      code_tokens: integers [codes, length].
      vocab_size: tokens are in 1 .. vocab_size - 1.
      eos_id: the token that ends a code.
      names: what to call the codes beside their index.

    Returns:
      The tokens of the longest code, EOS included; 0 where there are no codes.

    Raises:
      InputError: names the first code that is not so.
    """
    longest = 0
    for start in range(0, len(code_tokens), _CHUNK):
        rows = code_tokens[start : start + _CHUNK]
        is_end = rows == eos_id
        ends = is_end.any(axis=1) if rows.shape[1] else np.zeros(len(rows), bool)
        lengths = is_end.argmax(axis=1) if rows.shape[1] else np.zeros(len(rows), int)
        is_before = np.arange(rows.shape[1]) < lengths[:, None]
        is_pad = rows == _PAD
        faults = {
            "is empty": (ends & (lengths == 0)) | is_pad.all(axis=1),
            f"holds a token outside 1 .. {vocab_size - 1}":
                ((rows < 0) | (rows >= vocab_size)).any(axis=1),
            f"does not end with EOS (token {eos_id})": ~ends,
            f"goes on after EOS (token {eos_id})": (~is_pad & ~is_before & ~is_end).any(axis=1)
                                                   | (is_end.sum(axis=1) > 1),
            f"holds padding (token {_PAD})": (is_pad & is_before).any(axis=1),
        }
        for fault, has_fault in faults.items():
            if has_fault.any():
                raise InputError(
                    f"{code_name(start + int(np.argmax(has_fault)), names)} {fault}",
                    remedy="check that the codes were encoded by the vocabulary of the model")
        longest = max(longest, int(lengths.max()) + 1)
    return longest


def code_name(index: int, names: Sequence[str] | None) -> str:
    """What messages call a code."""
    return f"code {index}" if names is None else f"code {index} ({names[index]!r})"
