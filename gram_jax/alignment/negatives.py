"""Products to set against a clicked one: near in words, under a common code, or clicked by others.

None of them was clicked for the query, nor for another query of the same text. Knows numbers of
queries and products only; how near a product is in words is a score that it is given.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from gram_jax.catalog.splits import query_key
from gram_jax.codes.code_table import CodeTable
from gram_jax.core.clicks import ClickTable
from gram_jax.core.errors import ConfigError

KINDS = ("near", "sharing", "in_batch")
"""Where a negative comes from, in the order in which `Negatives.draw` returns them."""

_REDRAWS = 4


@dataclasses.dataclass(frozen=True)
class NegativeSettings:
    """How many negatives of each kind are set against a clicked product.

    Args:
      near: from those that BM25 ranks first.
      sharing: from those that share a code with the clicked product.
      in_batch: from those that were clicked for other queries of the batch.
      near_depth: how many of the first by BM25 are drawn from.

    Raises:
      ConfigError: a number is negative, or there would be no negative at all.
    """

    near: int = 3
    sharing: int = 3
    in_batch: int = 2
    near_depth: int = 100

    def __post_init__(self):
        if min(self.counts) < 0 or self.total < 1 or self.near_depth < 1:
            raise ConfigError(f"{self}: counts are 0 or more, with one negative at least, and "
                              "near_depth is 1 or more")

    @property
    def counts(self) -> tuple[int, int, int]:
        """The numbers in the order of `KINDS`."""
        return self.near, self.sharing, self.in_batch

    @property
    def total(self) -> int:
        """Negatives of one clicked product."""
        return sum(self.counts)

    @property
    def kinds(self) -> np.ndarray:
        """The kind of each negative as its place in `KINDS`: int8 [total]."""
        return np.repeat(np.arange(len(KINDS), dtype=np.int8), self.counts)


class Clicked:
    """Which (query, product) pairs were clicked; queries of one text share their clicks.

    Args:
      clicks: a row for each query.
      texts: of the queries.
      num_products: size of the catalogue.
    """

    def __init__(self, clicks: ClickTable, texts: Sequence[str], num_products: int):
        if len(texts) != clicks.num_queries:
            raise ValueError(f"{len(texts)} texts for {clicks.num_queries} queries")
        numbers: dict[str, int] = {}
        self._group = np.array([numbers.setdefault(query_key(text), len(numbers))
                                for text in texts], np.int64)
        self._num_products = num_products
        self._keys = np.unique(self._group[clicks.rows] * num_products + clicks.products)

    def __call__(self, rows: np.ndarray, products: np.ndarray) -> np.ndarray:
        """bool, for query rows and products of one shape."""
        keys = self._group[rows] * self._num_products + products
        if not len(self._keys):
            return np.zeros(keys.shape, bool)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return self._keys[at] == keys

    def others(self, row: int) -> np.ndarray:
        """The products that were not clicked for the query or another of its text: int64."""
        start, end = np.searchsorted(self._keys, (self._group[row] + np.arange(2))
                                     * self._num_products)
        clicked = self._keys[start:end] - self._group[row] * self._num_products
        return np.setdiff1d(np.arange(self._num_products), clicked, assume_unique=True)


def near_products(score_all: Callable[[str], np.ndarray], texts: Sequence[str], clicked: Clicked, *,
                  depth: int, progress=lambda iterable, description, total: iterable
                  ) -> np.ndarray:
    """The products that a word-based score puts first for each query, clicked ones left out.

    Args:
      score_all: from a query's text to a score for every product, 0 for no word in common.
      texts: of the queries, in the order of `clicked`'s rows.
      clicked: what to leave out.
      depth: how many.
      progress: shown over the queries.

    Returns:
      int32 [queries, depth], best first, -1 where there are fewer.
    """
    found = np.full((len(texts), depth), -1, np.int32)
    for row, text in enumerate(progress(texts, "near products", len(texts))):
        scores = score_all(text)
        matching = np.flatnonzero(scores > 0)
        free = matching[~clicked(np.full(len(matching), row), matching)]
        if len(free) > depth:
            least = np.partition(scores[free], -depth)[-depth]
            free = free[scores[free] >= least]
        best = free[np.argsort(-scores[free], kind="stable")[:depth]]
        found[row, :len(best)] = best
    return found


class Negatives:
    """Draws negatives for clicked products.

    Args:
      settings: how many of each kind.
      clicked: what is never drawn.
      near: int32 [queries, depth], see `near_products`.
      code_table: says which products share a code.

    Attributes:
      settings: as given.
      near: as given, cut to `settings.near_depth`.

    Raises:
      ConfigError: a query has every product clicked, so that there is nothing to set against.
    """

    def __init__(self, settings: NegativeSettings, clicked: Clicked, near: np.ndarray,
                 code_table: CodeTable):
        self.settings = settings
        self._clicked, self._table = clicked, code_table
        self._first_code = np.concatenate([[0], np.cumsum(code_table.codes_per_product)])
        self._codes = code_table.posting_codes[np.argsort(code_table.posting_products,
                                                          kind="stable")]
        self.near = near[:, :settings.near_depth]
        self._num_near = (self.near >= 0).sum(axis=1)

    def draw(self, rng: np.random.Generator, rows: np.ndarray,
             products: np.ndarray) -> np.ndarray:
        """Negatives of a batch of clicks.

        A kind that has nothing for a click (no other product shares a code with it, say) is made up
        from all products.

        Args:
          rng: of the draws.
          rows: int [batch], the query of each click.
          products: int [batch], its product.

        Returns:
          int32 [batch, settings.total], kinds as `settings.kinds` says.

        Raises:
          ConfigError: every product was clicked for a query.
        """
        kinds = ((self._draw_near, self._all_near), (self._draw_sharing, self._all_sharing),
                 (self._draw_in_batch, self._all_in_batch))
        return np.concatenate([self._unclicked(rng, rows, products, count, *kind)
                               for kind, count in zip(kinds, self.settings.counts)], axis=1)

    def _unclicked(self, rng, rows, products, count, draw, list_all) -> np.ndarray:
        """Draws [batch, count], again where something clicked came, at last out of a list."""
        row_of = np.broadcast_to(rows[:, None], (len(rows), count))
        found = draw(rng, rows, products, count)
        for _ in range(_REDRAWS):
            bad = (found < 0) | self._clicked(row_of, found)
            if not bad.any():
                break
            found = np.where(bad, draw(rng, rows, products, count), found)
        for at, place in np.argwhere((found < 0) | self._clicked(row_of, found)):
            row, of_kind = int(rows[at]), list_all(rows, products, at)
            able = of_kind[~self._clicked(np.full(len(of_kind), row), of_kind)]
            able = able if len(able) else self._clicked.others(row)
            if not len(able):
                raise ConfigError("a query has every product of the catalogue clicked: there is "
                                  "nothing to learn relevance from")
            found[at, place] = rng.choice(able)
        return found.astype(np.int32)

    def _draw_near(self, rng, rows, products, count) -> np.ndarray:
        place = _below(rng, (len(rows), count), self._num_near[rows][:, None])
        return self.near[rows[:, None], place]  # -1 where the row has none

    def _all_near(self, rows, products, at) -> np.ndarray:
        return self.near[rows[at], :self._num_near[rows[at]]]

    def _draw_sharing(self, rng, rows, products, count) -> np.ndarray:
        """A code of the product, evenly, and a product of the code, evenly."""
        shape, table = (len(rows), count), self._table
        available = table.codes_per_product[products][:, None]
        if not table.num_codes:
            return np.full(shape, -1)
        place = self._first_code[products][:, None] + _below(rng, shape, available)
        code = self._codes[np.minimum(place, len(self._codes) - 1)]
        first, last = table.posting_starts[code], table.posting_starts[code + 1]
        found = table.posting_products[first + _below(rng, shape, last - first)]
        return np.where(available > 0, found, -1)

    def _all_sharing(self, rows, products, at) -> np.ndarray:
        codes = self._table.codes_of(int(products[at])).tolist()
        return np.unique(np.concatenate([np.zeros(0, np.int32),
                                         *map(self._table.postings, codes)]))

    def _draw_in_batch(self, rng, rows, products, count) -> np.ndarray:
        return products[rng.integers(0, len(rows), (len(rows), count))]

    def _all_in_batch(self, rows, products, at) -> np.ndarray:
        return np.unique(products)


def _below(rng: np.random.Generator, shape: tuple[int, int], ends: np.ndarray) -> np.ndarray:
    """Whole numbers from 0 to before each end; 0 where the end is 0."""
    return (rng.random(shape) * ends).astype(np.int64)
