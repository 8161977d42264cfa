"""Cuts texts into batches of few lengths with little padding, and batches into chunks.

Texts of about the same length share a batch, which is as long as a multiple of 8 tokens, so that a
program is compiled for each such length that occurs. Knows numbers only.
"""

import dataclasses

import numpy as np

_LENGTH_STEP = 8
_TEXTS_A_CHUNK = 512


@dataclasses.dataclass(frozen=True, eq=False)
class LengthBatch:
    """Texts (int64 [n], at most a batch of them) and the tokens that hold the longest."""

    texts: np.ndarray
    length: int


def length_batches(lengths: np.ndarray, *, batch_size: int,
                   max_length: int) -> list[list[LengthBatch]]:
    """Chunks of batches that hold every text exactly once, the shortest first.

    Args:
      lengths: int [texts], tokens of each; at most `max_length`.
      batch_size: texts of a batch; only the last has fewer.
      max_length: no batch is longer.

    Raises:
      ValueError: `batch_size` is not positive.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
    order = np.argsort(lengths, kind="stable")
    batches = []
    for start in range(0, len(order), batch_size):
        texts = order[start:start + batch_size]
        steps = max(1, -(-int(lengths[texts[-1]]) // _LENGTH_STEP))
        batches.append(LengthBatch(texts, min(steps * _LENGTH_STEP, max_length)))
    size = max(1, _TEXTS_A_CHUNK // batch_size)
    return [batches[start:start + size] for start in range(0, len(batches), size)]
