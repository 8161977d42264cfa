"""Ranked products as arrays of numbers: what is left of a run where many are compared.

A run of 20,000 queries by 300 products is six million strings and floats; as int32 it is 24 MB, and
measures over it are a few passes of NumPy. Scores are not kept: their order is. Knows grades and
runs; nothing of files or measures.
"""

import dataclasses

import numpy as np

from gram_jax.core.runs import Qrels, Run
from gram_jax.evaluation.metrics import evaluated_queries

NO_PRODUCT = -1
UNJUDGED = -1
_CELLS_A_BLOCK = 4_000_000
NUM_CODES = 10
"""Of so many products a query the codes that found them are kept."""


class ProductNumbers(dict):
    """product_id -> number, in the order in which products are first asked for."""

    def __missing__(self, product_id: str) -> int:
        number = self[product_id] = len(self)
        return number


@dataclasses.dataclass(frozen=True, eq=False)
class Judged:
    """The evaluated queries (those with a relevant product) and their grades, as arrays.

    `numbers` grows as answers name further products; those that are judged have the first numbers.
    """

    query_ids: tuple[str, ...]
    rows: np.ndarray  # int64 [judged pairs]: the query of each, ascending
    products: np.ndarray  # int64 [judged pairs], ascending within a query
    grades: np.ndarray  # int64 [judged pairs]
    numbers: ProductNumbers = dataclasses.field(repr=False)

    @classmethod
    def of(cls, qrels: Qrels) -> "Judged":
        """The grades of the evaluated queries of `qrels`, in their order.

        Raises:
          ValueError: a grade is negative (TREC tools disagree about what that means), or no query
            has a relevant product.
        """
        query_ids, numbers = evaluated_queries(qrels), ProductNumbers()
        if not query_ids:
            raise ValueError("no query has a relevant product: there is nothing to compare on")
        pairs = [(row, numbers[product_id], grade) for row, query_id in enumerate(query_ids)
                 for product_id, grade in qrels[query_id].items()]
        rows, products, grades = np.array(sorted(pairs), np.int64).T
        if (grades < 0).any():
            raise ValueError("a grade is negative; grades run from 0 (irrelevant)")
        return cls(query_ids, rows, products, grades, numbers)

    def grades_of(self, products: np.ndarray) -> np.ndarray:
        """The grade of each product of each query, `UNJUDGED` where it has none.

        Args:
          products: int32 [queries, k], `NO_PRODUCT` where there is none.

        Returns:
          int16 [queries, k].
        """
        width = int(self.products.max()) + 2  # the last column is for what nobody judged
        block = max(1, _CELLS_A_BLOCK // width)
        table = np.full((block, width), UNJUDGED, np.int16)
        found = np.empty(products.shape, np.int16)
        for start in range(0, len(products), block):
            asked = products[start:start + block]
            first, end = np.searchsorted(self.rows, (start, start + block))
            here = self.rows[first:end] - start, self.products[first:end]
            table[here] = self.grades[first:end]
            known = np.where((asked >= 0) & (asked < width), asked, width - 1)
            found[start:start + block] = np.take_along_axis(table[:len(asked)], known, axis=1)
            table[here] = UNJUDGED
        return found

    def of_query(self, row: int) -> dict[int, int]:
        """The grades of one query: number of the product -> grade."""
        start, end = np.searchsorted(self.rows, (row, row + 1))
        return dict(zip(self.products[start:end].tolist(), self.grades[start:end].tolist()))


@dataclasses.dataclass(frozen=True, eq=False)
class Answers:
    """What a method answered each evaluated query with, best first.

    `codes` names the codes that found the first products of each query, or is empty.
    """

    name: str
    products: np.ndarray  # int32 [queries, k], NO_PRODUCT behind the last
    codes: tuple[tuple[str, ...], ...] = ()

    @property
    def lengths(self) -> np.ndarray:
        """How many products each query is answered with: int64 [queries]."""
        return np.count_nonzero(self.products != NO_PRODUCT, axis=1)


def answers_of_run(run: Run, judged: Judged) -> Answers:
    """The answers of a run to the evaluated queries: others left out, missing ones empty."""
    lists = {ranked.query_id: ranked for ranked in run.ranked_lists}
    found = [lists.get(query_id) for query_id in judged.query_ids]
    lengths = np.array([len(ranked.product_ids) if ranked else 0 for ranked in found], np.int64)
    numbered = (number for ranked in found if ranked
                for number in map(judged.numbers.__getitem__, ranked.product_ids))
    products = padded(np.fromiter(numbered, np.int32, lengths.sum()), lengths)
    codes = tuple(ranked.codes[:NUM_CODES] if ranked else () for ranked in found)
    return Answers(run.name, products, codes if any(codes) else ())


def padded(flat: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Rows that lie behind each other as int32 [rows, longest], `NO_PRODUCT` behind the last."""
    rows = np.full((len(lengths), lengths.max(initial=0)), NO_PRODUCT, np.int32)
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = flat
    return rows


def pair_keys(rows: np.ndarray, products: np.ndarray) -> np.ndarray:
    """One int64 for each pair of a query's row and a product's number, ordered as the pairs are."""
    return rows.astype(np.int64) << 32 | products.astype(np.int64)


def find_pairs(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where each wanted key stands among ascending keys, -1 where it does not: int64 [wanted]."""
    if not len(keys):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, at, -1)
