"""Counts behind learned synonyms: terms of queries against values that their clicks reach.

Index glossary: `term` counts the queries' terms, `value` the products' values, `row` the queries
that are read. Matrices hold ones. Decides nothing: `synonym_learning` does.
"""

import dataclasses
import functools
from collections.abc import Iterable, Sequence

import numpy as np
from scipy import sparse, stats

from gram_jax.attributes.value_table import ValueTable
from gram_jax.core.clicks import ClickTable

PHRASE = "phrase"
"""The type of a term that is no value."""

CATEGORY = "category"
OPEN_TYPES = frozenset([PHRASE, "modifier"])
"""Types of terms that may turn out to be of any type."""

_BLOCK_SIZE = 20_000


@dataclasses.dataclass(frozen=True)
class QueryReach:
    """What queries say and what their clicks reach.

    Args:
      terms: values and phrases of all queries.
      products: values of products.
      said: [rows, terms].
      reached: [rows, values].
    """

    terms: ValueTable
    products: ValueTable
    said: sparse.csr_matrix
    reached: sparse.csr_matrix

    @classmethod
    def read(cls, terms: ValueTable, products: ValueTable, clicks: ClickTable, *,
             max_queries: int, reached_share: float) -> "QueryReach":
        """Reads the queries that have clicks, at most `max_queries`, evenly spread.

        Args:
          terms: a row for each row of `clicks`.
          products: a row for each product.
          clicks: of train queries.
          max_queries: more cost memory.
          reached_share: share of a query's clicks that must have a value for it to be reached.
        """
        rows = np.flatnonzero(np.diff(clicks.starts) > 0)
        if len(rows) > max_queries:
            rows = rows[np.arange(max_queries) * len(rows) // max_queries]
        weights = sparse.csr_matrix(
            (clicks.weights.astype(np.float64), clicks.products, clicks.starts),
            shape=(clicks.num_queries, products.num_rows))[rows]
        totals = np.asarray(weights.sum(axis=1)).ravel()
        held, blocks = holding(products), [_ones([], [], (0, len(products.values)))]
        for start in range(0, len(rows), _BLOCK_SIZE):  # shares fill where their factors do not
            shares = (weights[start:start + _BLOCK_SIZE] @ held).tocsr()
            row_of = np.repeat(np.arange(shares.shape[0]), np.diff(shares.indptr))
            enough = shares.data >= reached_share * totals[start + row_of] * (1 - 1e-9)
            blocks.append(_ones(row_of[enough], shares.indices[enough], shares.shape))
        return cls(terms, products, holding(terms)[rows], sparse.vstack(blocks, format="csr"))

    @functools.cached_property
    def open_terms(self) -> np.ndarray:
        """Whether each term is of an open type: bool [terms]."""
        return np.array([kind in OPEN_TYPES for kind, _ in self.terms.values], bool)

    def of_type(self, name: str) -> np.ndarray:
        """Whether each term is of a type: bool [terms]."""
        return np.array([kind == name for kind, _ in self.terms.values], bool)

    @functools.cached_property
    def terms_as_values(self) -> np.ndarray:
        """The value that each term is too, -1 where it is none: int64 [terms]."""
        return np.array([self.products.number_of_text.get(text, -1)
                         for _, text in self.terms.values], np.int64)

    def only_names(self, name: str, min_queries: int) -> sparse.csr_matrix:
        """Where a term of `min_queries` is all that a query may have of a type: [rows, terms].

        Its own parts do not count as others ('bed' in 'bed roll'). A query whose products have the
        term itself, or all its words, says nothing of what else it may mean.
        """
        terms, products, said, reached = self.terms, self.products, self.said, self.reached
        typed = self.of_type(name)
        may_be = (typed | self.open_terms) & (
            np.asarray(said.sum(axis=0)).ravel() >= min_queries)
        rows, columns = said.nonzero()
        kept = may_be[columns]
        rows, columns = rows[kept], columns[kept]
        num_named = np.asarray(said[:, np.flatnonzero(typed)].sum(axis=1)).ravel()
        parts = [_parts(terms, term, typed) if may_be[term] else () for term in range(len(typed))]
        width = max(map(len, parts), default=0)
        num_own = np.zeros(len(rows), np.int64)
        for place in range(width):
            part = np.array([found[place] if len(found) > place else -1 for found in parts],
                            np.int64)[columns]
            there = np.flatnonzero(part >= 0)
            num_own[there] += _at(said, rows[there], part[there])
        itself = _has_all(rows, columns, reached, _numbers(products, [
            [text] for _, text in terms.values])) | _has_all(rows, columns, reached, _numbers(
                products, [text.split(" ") for _, text in terms.values]))
        kept = (num_named[rows] == num_own) & ~itself
        return _ones(rows[kept], columns[kept], said.shape)


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Pairs of a term and a value, with the counts of a test of independence.

    Of a term's queries only those count that name nothing else of the value's type and do not
    reach the term itself (as sellers may use it too).

    Args:
      terms, values: int64 [pairs].
      both: queries of the term that reach the value.
      drawn: queries of the term.
      reaching: queries that reach the value, whatever they say.
      population: all queries.
    """

    terms: np.ndarray
    values: np.ndarray
    both: np.ndarray
    drawn: np.ndarray
    reaching: np.ndarray
    population: int

    @classmethod
    def count(cls, reach: QueryReach, types: Iterable[str], has_category: np.ndarray,
              min_queries: int) -> "Pairs":
        """Counts every pair that may be merged: of one type, or with a term of an open one.

        Args:
          reach: queries and values; measures are left out, as numbers have no synonyms.
          types: the types to count.
          has_category: rows in which an open term may be of a type that is no category.
          min_queries: terms of fewer are not tested.
        """
        reaching = np.asarray(reach.reached.sum(axis=0)).ravel()
        found = [[np.zeros(0, np.int64)] * 5]
        for name in types:
            values = np.flatnonzero([attribute == name and not text[0].isdecimal()
                                     for attribute, text in reach.products.values])
            chosen = reach.only_names(name, min_queries)
            if name != CATEGORY:
                rows, columns = chosen.nonzero()
                kept = has_category[rows] | ~reach.open_terms[columns]
                chosen = _ones(rows[kept], columns[kept], chosen.shape)
            both = (chosen.T @ reach.reached[:, values]).tocoo()
            drawn = np.asarray(chosen.sum(axis=0)).ravel()
            found.append([both.row, values[both.col], both.data, drawn[both.row],
                          reaching[values[both.col]]])
        columns = [np.concatenate(column).astype(np.int64) for column in zip(*found)]
        return cls(*columns, population=reach.said.shape[0])

    def where(self, kept: np.ndarray) -> "Pairs":
        """The pairs at which `kept` is true."""
        return Pairs(self.terms[kept], self.values[kept], self.both[kept], self.drawn[kept],
                      self.reaching[kept], self.population)

    def p_values(self) -> np.ndarray:
        """Chance of as many in `both` were the two independent: Fisher's exact test, one-sided."""
        return stats.hypergeom.sf(self.both - 1, self.population, self.reaching, self.drawn)

    def shares(self) -> np.ndarray:
        """Of the queries that say the term, how many reach the value."""
        return self.both / np.maximum(self.drawn, 1)

    def lifts(self) -> np.ndarray:
        """How many times as often the value is reached with the term as by all."""
        return self.shares() * self.population / np.maximum(self.reaching, 1)


def _numbers(products: ValueTable, texts: Sequence[Sequence[str]]) -> np.ndarray:
    """The numbers of the values that each row of texts has, -1 for no value, -2 behind the end."""
    numbers = np.full((len(texts), max(map(len, texts), default=0)), -2, np.int64)
    for row, parts in enumerate(texts):
        numbers[row, :len(parts)] = [products.number_of_text.get(part, -1) for part in parts]
    return numbers


def _has_all(rows: np.ndarray, columns: np.ndarray, reached, numbers: np.ndarray) -> np.ndarray:
    """Whether each row reaches every value of its column's row of `numbers`: bool."""
    has = np.ones(len(rows), bool)
    for wanted in numbers.T:
        wanted = wanted[columns]
        known = np.flatnonzero(wanted >= 0)
        has[wanted == -1] = False
        has[known] &= _at(reached, rows[known], wanted[known]) > 0
    return has


def _at(matrix: sparse.csr_matrix, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The elements at pairs of row and column; SciPy wants at least one."""
    return np.asarray(matrix[rows, columns]).ravel() if len(rows) else np.zeros(0, matrix.dtype)


def _parts(terms: ValueTable, term: int, typed: np.ndarray) -> tuple[int, ...]:
    """The terms of a type that a term is made of, itself among them."""
    words = terms.values[term][1].split(" ")
    windows = {" ".join(words[start:end]) for start in range(len(words))
               for end in range(start + 1, len(words) + 1)}
    numbers = (terms.number_of_text.get(window, -1) for window in sorted(windows))
    return tuple(number for number in numbers if number >= 0 and typed[number])


def _ones(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones(len(rows), np.int32), (rows, columns)), shape=shape)


def holding(table: ValueTable) -> sparse.csr_matrix:
    """Which values each row of a table holds, as ones."""
    rows = np.repeat(np.arange(table.num_rows), np.diff(table.starts))
    return _ones(rows, table.held, (table.num_rows, len(table.values)))
