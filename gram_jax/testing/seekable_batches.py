"""Endless random batches that are a function of their number, so that any place can be returned to.

Knows no vocabulary and no task: the tokens mean nothing.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from gram_jax.core.batch import Batch


@dataclasses.dataclass
class SeekableBatches:
    """Batch n is drawn from a generator seeded by n; `example_ids` are 'n-row'."""

    batch_size: int = 8
    length: int = 6
    vocab_size: int = 64
    number: int = 0

    def __next__(self) -> Batch:
        """Batch `number`, with a random share of padding in the targets."""
        random = np.random.default_rng(self.number)
        shape = (self.batch_size, self.length)
        inputs = random.integers(1, self.vocab_size, shape, dtype=np.int32)
        targets = random.integers(1, self.vocab_size, shape, dtype=np.int32)
        lengths = random.integers(1, self.length + 1, (self.batch_size, 1))
        weights = (np.arange(self.length) < lengths).astype(np.float32)
        targets = targets * weights.astype(np.int32)
        shifted = np.pad(targets, ((0, 0), (1, 0)))[:, :-1]
        ids = tuple(f"{self.number}-{row}" for row in range(self.batch_size))
        self.number += 1
        return Batch(inputs, shifted, targets, weights, ids)

    def position(self) -> dict[str, int]:
        """The number of the next batch."""
        return {"number": self.number}

    def seek(self, position: Mapping[str, int]) -> None:
        """Goes on with that batch."""
        self.number = position["number"]
