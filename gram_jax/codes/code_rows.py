"""Codes by row, whatever a row is: a query, a product, or a clicked pair of both.

Knows numbers only, except for what it reads out of a code table.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gram_jax.codes.code_table import CodeTable


class CodeRows(NamedTuple):
    """Codes as compressed rows, best first: row r has `codes[starts[r]:starts[r + 1]]`."""

    starts: np.ndarray  # int64 [rows + 1]
    codes: np.ndarray  # int32 [held], each but once in a row

    @classmethod
    def of_lists(cls, rows: Sequence[Sequence[int]]) -> "CodeRows":
        """Rows from code numbers."""
        return cls(_starts(np.array([len(row) for row in rows], np.int64)),
                   np.array([code for row in rows for code in row], np.int32))

    @property
    def sizes(self) -> np.ndarray:
        """Codes of every row: int64 [rows]."""
        return np.diff(self.starts)

    @property
    def rows(self) -> np.ndarray:
        """The row of every code, beside `codes`: int64 [held]."""
        return np.repeat(np.arange(len(self.starts) - 1), self.sizes)

    def of_row(self, row: int) -> np.ndarray:
        """The codes of one row: int32 [n]."""
        return self.codes[self.starts[row]:self.starts[row + 1]]

    def chosen(self, rows: np.ndarray) -> "CodeRows":
        """Only these rows, in the given order and as often as they are given."""
        sizes = self.sizes[rows]
        held = np.repeat(self.starts[:-1][rows], sizes) + places_in_groups(sizes)
        return CodeRows(_starts(sizes), self.codes[held])

    def keys(self, num_codes: int) -> np.ndarray:
        """row * num_codes + code of every code, beside `codes`: int64 [held]."""
        return self.rows * num_codes + self.codes

    def also_in(self, other: "CodeRows", num_codes: int) -> "CodeRows":
        """Of every row those codes that the same row of `other` has, in the order of this one."""
        kept = np.isin(self.keys(num_codes), other.keys(num_codes))
        return CodeRows(_starts(np.bincount(self.rows[kept], minlength=len(self.starts) - 1)),
                        self.codes[kept])


def codes_of_products(table: CodeTable, products: np.ndarray) -> CodeRows:
    """The codes under which products are filed, rising; `products` (int [rows]) are indices."""
    return CodeRows.of_lists([table.codes_of(product) for product in products.tolist()])


def values_of_codes(table: CodeTable) -> CodeRows:
    """The attribute values of every code, numbered in the order in which they are met."""
    number: dict[str, int] = {}
    return CodeRows.of_lists([[number.setdefault(text, len(number)) for _, text in code.values]
                              for code in table.codes])


def places_in_groups(sizes: np.ndarray) -> np.ndarray:
    """0, 1, ... within each of consecutive groups of these sizes: int64 [sum of sizes]."""
    return np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def _starts(sizes: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
