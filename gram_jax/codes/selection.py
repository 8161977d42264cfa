"""Which candidates become codes: ways to choose, each from candidates, clicks and certainties.

Knows candidates as numbers with their products; nothing of texts. docs/results/codes.md compares
the ways.
"""

import dataclasses
from typing import Protocol

import numpy as np
from scipy import sparse

from gram_jax.codes.code_postings import CodePostings
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.codes.query_codes import choose_query_codes
from gram_jax.core.clicks import ClickTable

_PRODUCTS_AT_ONCE = 1 << 17


@dataclasses.dataclass(frozen=True, eq=False)
class Selection:
    """What became of every candidate.

    Args:
      chosen: bool [candidates].
      votes: int64 [candidates], products that voted for it, or queries that picked it.
      rescued: bool [candidates], chosen only for products which nothing else finds.
    """

    chosen: np.ndarray
    votes: np.ndarray
    rescued: np.ndarray


class Select(Protocol):
    """A way to choose codes."""

    def __call__(self, candidates: CodePostings, clicks: ClickTable,
                 certainties: sparse.csr_array, *, num_products: int,
                 settings: MiningSettings) -> Selection:
        """Chooses.

        Args:
          candidates: within bounds; at equal worth the earlier one is better, and one of worth
            -inf says what a better one says.
          clicks: rows are queries.
          certainties: float64 [queries, values], see `predictability.predict_values`.
          num_products: size of the catalogue.
          settings: see there.
        """


def select_by_votes(candidates: CodePostings, clicks: ClickTable, certainties: sparse.csr_array,
                    *, num_products: int, settings: MiningSettings) -> Selection:
    """Every product votes for its best candidates; those that enough of their products want stay.

    A product votes for `settings.votes` candidates of each granularity, those of most worth; a
    candidate stays with the votes of `min_vote_share` of its products. A product that no chosen
    candidate holds afterwards gets its best one, so that it can be found. Clicks speak through
    the worths alone, so that products without clicks are served alike.
    """
    del clicks, certainties
    order = np.argsort(-candidates.worths, kind="stable")
    voted_on = order[candidates.worths[order] > -np.inf]
    counts = np.zeros(candidates.num_codes, np.int64)
    for rank, votes in enumerate(settings.votes):
        if votes:
            counts += _count_votes(candidates, voted_on[candidates.ranks[voted_on] == rank],
                                   num_products, votes)
    chosen = (counts > 0) & (counts >= settings.min_vote_share * candidates.sizes)
    rescued = cover_all(candidates, chosen, order, num_products)
    return Selection(chosen | rescued, counts, rescued)


def select_by_queries(candidates: CodePostings, clicks: ClickTable,
                      certainties: sparse.csr_array, *, num_products: int,
                      settings: MiningSettings) -> Selection:
    """Every query picks greedily what retrieves its clicks; what enough of them pick stays.

    The greedy choice of section 1 of the method over all candidates: see `choose_query_codes`. A
    candidate stays when `settings.min_picks` queries pick it; products that no chosen
    candidate holds get their best one.
    """
    picks = choose_query_codes(candidates, clicks, certainties, num_products=num_products,
                               settings=settings)
    counts = np.bincount(picks.codes, minlength=candidates.num_codes)
    chosen = (counts >= settings.min_picks) & (candidates.worths > -np.inf)
    order = np.argsort(-candidates.worths, kind="stable")
    rescued = cover_all(candidates, chosen, order, num_products)
    return Selection(chosen | rescued, counts, rescued)


def select_single_values(candidates: CodePostings, clicks: ClickTable,
                         certainties: sparse.csr_array, *, num_products: int,
                         settings: MiningSettings) -> Selection:
    """Every value within bounds is a code by itself: attributes as they are, without mining."""
    del clicks, certainties, num_products, settings
    return _without_votes((candidates.subsets >= 0).sum(axis=1) == 1)


def select_all(candidates: CodePostings, clicks: ClickTable, certainties: sparse.csr_array, *,
               num_products: int, settings: MiningSettings) -> Selection:
    """Every set of values within bounds; only the cap on codes a product chooses."""
    del clicks, certainties, num_products, settings
    return _without_votes(candidates.worths > -np.inf)


def _without_votes(chosen: np.ndarray) -> Selection:
    return Selection(chosen, np.zeros(len(chosen), np.int64), np.zeros(len(chosen), bool))


def cover_all(candidates: CodePostings, chosen: np.ndarray, order: np.ndarray,
              num_products: int) -> np.ndarray:
    """Further candidates, best first, until every product that any candidate holds has one.

    Args:
      candidates: see there.
      chosen: bool [candidates], those taken already.
      order: int [candidates], all candidates, best first.
      num_products: size of the catalogue.

    Returns:
      bool [candidates], those taken besides.
    """
    taken = np.zeros(candidates.num_codes, bool)
    covered = np.zeros(num_products, bool)
    covered[candidates.products[chosen[candidates.owners]]] = True
    helps = np.bincount(candidates.owners[~covered[candidates.products]],
                        minlength=candidates.num_codes) > 0
    for candidate in order[helps[order]].tolist():
        products = candidates.of_code(candidate)
        if not covered[products].all():
            taken[candidate] = True
            covered[products] = True
    return taken


def _count_votes(candidates: CodePostings, voted_on: np.ndarray, num_products: int,
                 num_votes: int) -> np.ndarray:
    """How many products have each candidate among their first `num_votes` in the given order."""
    place = np.full(candidates.num_codes, -1, np.int64)
    place[voted_on] = np.arange(len(voted_on))
    counts = np.zeros(candidates.num_codes, np.int64)
    for first in range(0, num_products, _PRODUCTS_AT_ONCE):
        near = np.flatnonzero((candidates.products >= first)
                              & (candidates.products < first + _PRODUCTS_AT_ONCE))
        near = near[place[candidates.owners[near]] >= 0]
        products, owners = candidates.products[near], candidates.owners[near]
        order = np.lexsort((place[owners], products))
        products, owners = products[order], owners[order]
        starts = np.searchsorted(products, products, side="left")
        counts += np.bincount(owners[np.arange(len(products)) - starts < num_votes],
                              minlength=candidates.num_codes)
    return counts
