"""Clicks as arrays: which products the shoppers of each query chose, and how often.

The `Click` records of a large log do not fit in memory as Python objects; these arrays do.
"""

import array
import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from gram_jax.core.records import Click


@dataclasses.dataclass(frozen=True, eq=False)
class ClickTable:
    """Clicked products by query, as compressed rows.

    Args:
      query_ids: the queries, in the order of the rows; unique.
      starts: int64 [queries + 1]; the clicks of row q are `starts[q]` up to `starts[q + 1]`.
      products: int32 [clicks], product indices, rising within a row.
      weights: float32 [clicks], above 0.

    Raises:
      ValueError: any of this does not hold.
    """

    query_ids: tuple[str, ...]
    starts: np.ndarray
    products: np.ndarray
    weights: np.ndarray

    def __post_init__(self):
        starts, products, weights = self.starts, self.products, self.weights
        if (starts.dtype, products.dtype, weights.dtype) != (np.int64, np.int32, np.float32):
            raise ValueError(f"starts, products and weights are {starts.dtype}, {products.dtype} "
                             f"and {weights.dtype}, not int64, int32 and float32")
        if len(starts) != len(self.query_ids) + 1 or starts[0] != 0 or np.any(np.diff(starts) < 0) \
                or starts[-1] != len(products) or len(products) != len(weights):
            raise ValueError(f"starts do not divide {len(products)} clicks among "
                             f"{len(self.query_ids)} queries")
        if len(set(self.query_ids)) != len(self.query_ids):
            raise ValueError("a query_id is there twice")
        rises = np.diff(products) > 0
        rises[starts[(starts > 0) & (starts < len(products))] - 1] = True  # into the next row
        if not rises.all() or np.any(products < 0):
            raise ValueError("the products of a query do not rise")
        if not np.all(weights > 0):
            raise ValueError("a click has a weight of 0 or less")

    @classmethod
    def build(cls, rows: np.ndarray, products: np.ndarray, weights: np.ndarray,
              query_ids: Sequence[str]) -> "ClickTable":
        """A table from (row, product, weight) in any order; weights of one pair are added."""
        num_products = int(products.max(initial=-1)) + 1
        keys = rows.astype(np.int64) * num_products + products
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[:len(keys)])
        summed = np.add.reduceat(weights[order].astype(np.float64), first) if len(first) else \
            np.zeros(0)
        kept_rows, kept_products = np.divmod(keys[first], max(num_products, 1))
        starts = np.zeros(len(query_ids) + 1, np.int64)
        np.cumsum(np.bincount(kept_rows, minlength=len(query_ids)), out=starts[1:])
        return cls(tuple(query_ids), starts, kept_products.astype(np.int32),
                   summed.astype(np.float32))

    @classmethod
    def of_clicks(cls, clicks: Iterable[Click], query_ids: Sequence[str],
                  product_ids: Sequence[str]) -> "ClickTable":
        """The clicks on the given queries, a row for each, in their order; others do not count."""
        row_of = {query_id: row for row, query_id in enumerate(query_ids)}
        product_of = {product_id: product for product, product_id in enumerate(product_ids)}
        rows, products, weights = array.array("q"), array.array("q"), array.array("d")
        for click in clicks:
            row = row_of.get(click.query_id)
            if row is not None:
                rows.append(row)
                products.append(product_of[click.product_id])
                weights.append(click.weight)
        return cls.build(*map(np.array, (rows, products, weights)), query_ids)

    @property
    def num_queries(self) -> int:
        """How many rows there are, those without clicks included."""
        return len(self.query_ids)

    @property
    def rows(self) -> np.ndarray:
        """The row of every click, beside `products`: int32 [clicks]."""
        return np.repeat(np.arange(self.num_queries, dtype=np.int32), np.diff(self.starts))

    def chosen(self, rows: np.ndarray) -> "ClickTable":
        """Only these rows, in the given order."""
        sizes = np.diff(self.starts)[rows]
        starts = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(sizes, out=starts[1:])
        place = np.repeat(self.starts[:-1][rows], sizes) \
            + np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
        return ClickTable(tuple(self.query_ids[row] for row in rows.tolist()), starts,
                          self.products[place], self.weights[place])

    def of_row(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """The clicked products of a row and their weights."""
        clicks = slice(self.starts[row], self.starts[row + 1])
        return self.products[clicks], self.weights[clicks]
