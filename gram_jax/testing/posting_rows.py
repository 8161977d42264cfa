"""Codes in the making and tables of values, from rows written by hand or drawn by hypothesis."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy import sparse

from gram_jax.attributes.value_table import ValueTable
from gram_jax.codes.code_postings import CodePostings
from gram_jax.core.clicks import ClickTable


def postings_of(rows: Sequence[Iterable[int]], *, subsets: Sequence[Sequence[int]] | None = None,
                worths: Sequence[float] | None = None) -> CodePostings:
    """Codes with these products; subset i is the value i where none are given."""
    subsets = [(at,) for at in range(len(rows))] if subsets is None else subsets
    width = max([len(subset) for subset in subsets], default=1)
    padded = np.array([[*subset, *[-1] * (width - len(subset))] for subset in subsets],
                      np.int32).reshape(-1, width)
    starts, held = _compressed(rows)
    return CodePostings(padded, starts, held,
                        np.zeros(len(rows)) if worths is None else np.array(worths, np.float64))


def values_of(rows: Sequence[Iterable[int]], num_values: int) -> ValueTable:
    """A table whose values are 'v00', 'v01' and so on."""
    return ValueTable(tuple(("modifier", f"v{value:02}") for value in range(num_values)),
                      *_compressed(rows))


def clicks_of(rows: Sequence[Mapping[int, float]]) -> ClickTable:
    """Clicks of queries 'q00', 'q01' and so on: product -> weight."""
    starts, products = _compressed(rows)
    weights = [row[product] for row in rows for product in sorted(row)]
    return ClickTable(tuple(f"q{row:02}" for row in range(len(rows))), starts, products,
                      np.array(weights, np.float32))


def matrix_of(rows: Sequence[Mapping[int, float]], num_columns: int) -> sparse.csr_array:
    """float64 [rows, num_columns] with these entries stored."""
    starts, columns = _compressed(rows)
    data = np.array([row[column] for row in rows for column in sorted(row)], np.float64)
    return sparse.csr_array((data, columns, starts), shape=(len(rows), num_columns))


def _compressed(rows: Sequence[Iterable[int]]) -> tuple[np.ndarray, np.ndarray]:
    ordered = [sorted(row) for row in rows]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in ordered], dtype=np.int64)])
    return starts.astype(np.int64), np.array([at for row in ordered for at in row], np.int32)
