"""Which sizes programs are compiled for, and rows of tokens in the smallest that holds them.

Knows numbers only, so that what runs exported programs needs nothing else of this package.
"""

import dataclasses
import itertools
import math
from collections.abc import Collection

import numpy as np

from gram_jax.core.errors import ConfigError, InputError

_BATCH_STEP = 4
_SHORTEST = 8


@dataclasses.dataclass(frozen=True)
class Buckets:
    """The sizes that programs are compiled for, both rising."""

    batch_sizes: tuple[int, ...]
    query_lengths: tuple[int, ...]

    @classmethod
    def within(cls, batch_size: int, max_query_length: int) -> "Buckets":
        """Batches of 1, 4, 16, ... up to `batch_size`; the longest queries, half, a quarter, ..."""
        batch_sizes, lengths = [1], [max_query_length]
        while batch_sizes[-1] < batch_size:
            batch_sizes.append(min(batch_size, batch_sizes[-1] * _BATCH_STEP))
        while lengths[0] // 2 >= _SHORTEST:
            lengths.insert(0, -(-lengths[0] // 2))
        return cls(tuple(batch_sizes), tuple(lengths))

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Every batch size with every query length."""
        return tuple(itertools.product(self.batch_sizes, self.query_lengths))

    def pad(self, query_tokens: np.ndarray,
            ready: Collection[tuple[int, int]] = ()) -> np.ndarray:
        """The rows in the corner of the smallest bucket that holds them.

        Args:
          query_tokens: int [rows, length], 0 is padding.
          ready: shapes that need not be compiled first; the smallest of these, if any holds them.

        Raises:
          ConfigError: no bucket does.
        """
        num_rows = query_tokens.shape[0]
        length = int(np.flatnonzero(query_tokens.any(axis=0)).max(initial=0)) + 1
        smallest = (_least(self.batch_sizes, num_rows, "queries of a batch"),
                    _least(self.query_lengths, length, "tokens of a query"))
        fitting = [shape for shape in ready if shape[0] >= num_rows and shape[1] >= length]
        padded = np.zeros(min(fitting, key=math.prod, default=smallest), np.int32)
        padded[:num_rows, :length] = query_tokens[:, :length]
        return padded


def check_tokens(query_tokens: np.ndarray, vocab_size: int) -> None:
    """Raises an InputError where these are not rows of tokens below `vocab_size`."""
    if query_tokens.ndim != 2 or not np.issubdtype(query_tokens.dtype, np.integer):
        raise InputError(f"query tokens are {query_tokens.dtype} {query_tokens.shape}, not "
                         "integers [queries, length]")
    wrong = (query_tokens < 0) | (query_tokens >= vocab_size)
    if wrong.any():
        row, place = np.argwhere(wrong)[0].tolist()
        raise InputError(f"query {row} has token {query_tokens[row, place]} at place {place}; the "
                         f"model's tokens are 0 .. {vocab_size - 1}",
                         remedy="encode queries with the vocabulary of the model")


def _least(sizes: tuple[int, ...], needed: int, what: str) -> int:
    for size in sizes:
        if size >= needed:
            return size
    raise ConfigError(f"{needed} {what} do not fit the largest bucket, {sizes[-1]}")
