"""Codes while they are being mined: sets of value numbers with their products, as arrays.

Knows neither texts nor queries. `CodeTable` is what becomes of them.
"""

import dataclasses
import functools

import numpy as np
from scipy import sparse

from gram_jax.codes.code import GRANULARITIES, MAX_VALUES, granularity_of

_RANK_OF_SIZE = np.array([0] + [GRANULARITIES.index(granularity_of(size))
                                for size in range(1, MAX_VALUES + 1)])


@dataclasses.dataclass(frozen=True, eq=False)
class CodePostings:
    """Codes, or candidates for codes.

    Args:
      subsets: int32 [codes, width], rising value numbers, padded with -1.
      starts: int64 [codes + 1]; code c's products are `products[starts[c]:starts[c + 1]]`.
      products: int32 [postings], rising within a code.
      worths: float64 [codes], more is better; -inf for one that is not wanted for itself.
    """

    subsets: np.ndarray
    starts: np.ndarray
    products: np.ndarray
    worths: np.ndarray

    @property
    def num_codes(self) -> int:
        """How many codes there are."""
        return len(self.subsets)

    @functools.cached_property
    def sizes(self) -> np.ndarray:
        """Products of every code: int64 [codes]."""
        return np.diff(self.starts)

    @functools.cached_property
    def ranks(self) -> np.ndarray:
        """Granularity of every code as its place in `GRANULARITIES`: int64 [codes]."""
        return _RANK_OF_SIZE[(self.subsets >= 0).sum(axis=1)]

    @functools.cached_property
    def owners(self) -> np.ndarray:
        """The code of every posting, beside `products`: int32 [postings]."""
        return np.repeat(np.arange(self.num_codes, dtype=np.int32), self.sizes)

    def of_code(self, code: int) -> np.ndarray:
        """The rising products of a code."""
        return self.products[self.starts[code]:self.starts[code + 1]]

    def by_product(self, num_products: int) -> tuple[np.ndarray, np.ndarray]:
        """starts int64 [products + 1] and the rising codes of every product, int32."""
        starts = np.zeros(num_products + 1, np.int64)
        np.cumsum(np.bincount(self.products, minlength=num_products), out=starts[1:])
        return starts, self.owners[np.argsort(self.products, kind="stable")]

    def chosen(self, codes: np.ndarray) -> "CodePostings":
        """Only these codes, in the given order."""
        sizes = self.sizes[codes]
        starts = np.zeros(len(codes) + 1, np.int64)
        np.cumsum(sizes, out=starts[1:])
        place = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
        return CodePostings(self.subsets[codes], starts,
                            self.products[np.repeat(self.starts[codes], sizes) + place],
                            self.worths[codes])

    def with_products(self, codes: np.ndarray, products: np.ndarray) -> "CodePostings":
        """The same codes with other products: pairs of (code, product), unique, in any order."""
        order = np.lexsort((products, codes))
        starts = np.zeros(self.num_codes + 1, np.int64)
        np.cumsum(np.bincount(codes, minlength=self.num_codes), out=starts[1:])
        return CodePostings(self.subsets, starts, products[order].astype(np.int32), self.worths)

    def value_matrix(self, num_values: int) -> sparse.csr_array:
        """float64 [codes, values]: 1 / (number of its values) where the code holds the value."""
        held = self.subsets >= 0
        rows, columns = np.nonzero(held)
        return sparse.csr_array(
            (1.0 / held.sum(axis=1)[rows], (rows, self.subsets[rows, columns])),
            shape=(self.num_codes, num_values))
