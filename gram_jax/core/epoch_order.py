"""An endless order over examples: permutations end to end, from which any stretch can be cut.

Place p is in epoch p // size; epoch e is a permutation drawn from (seed, e). So where training is
in its data is one number. Knows numbers only.
"""

import numpy as np

_ORDER = 2
"""What the generators of permutations are seeded with besides, so that draws are another stream."""


class EpochOrder:
    """The permutations of one stream, laid end to end.

    Args:
      size: examples, at least one.
      seed: of the permutations, not negative.

    Raises:
      ValueError: one of them is less.
    """

    def __init__(self, size: int, seed: int):
        if size < 1 or seed < 0:
            raise ValueError(f"size is {size} and seed {seed}: 1 and 0 at least")
        self._size, self._seed = size, seed
        self._epoch, self._order = -1, np.zeros(0, np.int64)

    def stretch(self, start: int, count: int) -> np.ndarray:
        """The examples at places `start` up to `start + count`: int64 [count]."""
        parts = [np.zeros(0, np.int64)]
        while count:
            epoch, offset = divmod(start, self._size)
            if epoch != self._epoch:
                rng = np.random.default_rng([self._seed, _ORDER, epoch])
                self._epoch, self._order = epoch, rng.permutation(self._size)
            parts.append(self._order[offset:offset + count])
            start, count = start + len(parts[-1]), count - len(parts[-1])
        return np.concatenate(parts)
