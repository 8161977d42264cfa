"""Clicks or judgments as columns: millions of query-product pairs that look like records.

Knows nothing of splits.

Index glossary: `queries` and `products` hold places in `query_ids` and `product_ids`.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from gram_jax.core.clicks import ClickTable
from gram_jax.core.records import Click, Judgment

_DTYPE = {Click: np.float64, Judgment: np.int8}
_CHUNK = 1 << 16


@dataclasses.dataclass(frozen=True, eq=False)
class PairColumns(Sequence):
    """Records of one kind, as columns; a sequence that makes a record when it is asked for one.

    Args:
      kind: `Click`, whose amount is its weight, or `Judgment`, whose amount is its grade.
      query_ids: the ids that `queries` counts.
      product_ids: the ids that `products` counts.
      queries: int32 [pairs].
      products: int32 [pairs].
      amounts: float64 [pairs] of clicks, int8 [pairs] of judgments.

    Raises:
      ValueError: the columns are not of these dtypes and one length, or point outside the ids.
    """

    kind: Callable[[str, str, float], Click | Judgment]
    query_ids: Sequence[str]
    product_ids: Sequence[str]
    queries: np.ndarray
    products: np.ndarray
    amounts: np.ndarray

    def __post_init__(self):
        columns = (self.queries, self.products, self.amounts)
        dtypes = (np.int32, np.int32, _DTYPE[self.kind])
        if any(column.dtype != dtype or column.shape != self.queries.shape or column.ndim != 1
               for column, dtype in zip(columns, dtypes)):
            raise ValueError(f"the columns of {self.kind.__name__}s do not belong together")
        for column, ids in ((self.queries, self.query_ids), (self.products, self.product_ids)):
            if len(column) and not 0 <= column.min() <= column.max() < len(ids):
                raise ValueError(f"a {self.kind.__name__} is on something outside {len(ids)} ids")

    @classmethod
    def of_records(cls, kind, records: Iterable[Click | Judgment], query_ids: Sequence[str],
                   product_ids: Sequence[str]) -> "PairColumns":
        """The columns of records; columns that already count by these ids are taken as they are."""
        if isinstance(records, PairColumns) and records.query_ids == query_ids \
                and records.product_ids == product_ids:
            return records
        query_of = {query_id: place for place, query_id in enumerate(query_ids)}
        product_of = {product_id: place for place, product_id in enumerate(product_ids)}
        found = [(query_of[record.query_id], product_of[record.product_id],
                  record.weight if kind is Click else record.grade) for record in records]
        queries, products, amounts = zip(*found) if found else ((), (), ())
        return cls(kind, query_ids, product_ids, np.array(queries, np.int32),
                   np.array(products, np.int32), np.array(amounts, _DTYPE[kind]))

    def of_queries(self, wanted: np.ndarray) -> "PairColumns":
        """The pairs of some queries, in their order; wanted: bool [queries]."""
        kept = wanted[self.queries]
        return dataclasses.replace(self, queries=self.queries[kept], products=self.products[kept],
                                   amounts=self.amounts[kept])

    def click_table(self, wanted: np.ndarray) -> ClickTable:
        """The pairs of some queries as rows, one for each of them; wanted: bool [queries]."""
        row = np.cumsum(wanted) - 1
        of_wanted = self.of_queries(wanted)
        return ClickTable.build(
            row[of_wanted.queries], of_wanted.products, of_wanted.amounts,
            tuple(itertools.compress(self.query_ids, wanted.tolist())))

    def __len__(self) -> int:
        return len(self.queries)

    def __getitem__(self, index: int | slice) -> "Click | Judgment | PairColumns":
        if isinstance(index, slice):
            return dataclasses.replace(self, queries=self.queries[index],
                                       products=self.products[index], amounts=self.amounts[index])
        return self.kind(self.query_ids[self.queries[index]],
                         self.product_ids[self.products[index]], self.amounts[index].item())

    def __iter__(self) -> Iterator[Click | Judgment]:
        for start in range(0, len(self), _CHUNK):
            part = slice(start, start + _CHUNK)
            for query, product, amount in zip(
                    self.queries[part].tolist(), self.products[part].tolist(),
                    self.amounts[part].tolist()):
                yield self.kind(self.query_ids[query], self.product_ids[product], amount)

    def __eq__(self, other: object) -> bool:
        """Equal to any sequence of equal records."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other))

    __hash__ = None
