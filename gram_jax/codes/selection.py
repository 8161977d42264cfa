"""Which candidates become codes: products vote for those that shoppers would ask by.

Knows candidates as numbers with their products; nothing of texts or queries.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from gram_jax.codes.code import GRANULARITIES
from gram_jax.codes.code_postings import CodePostings

_PRODUCTS_AT_ONCE = 1 << 17


@dataclasses.dataclass(frozen=True, eq=False)
class Selection:
    """What became of every candidate.

    Args:
      chosen: bool [candidates].
      votes: int64 [candidates], products that voted for it.
      rescued: bool [candidates], chosen only for products which nothing else finds.
    """

    chosen: np.ndarray
    votes: np.ndarray
    rescued: np.ndarray


def select_by_votes(candidates: CodePostings, *, num_products: int, votes: Sequence[int],
                    min_vote_share: float) -> Selection:
    """Every product votes for its best candidates; those that enough of their products want stay.

    A product that no chosen candidate holds afterwards gets its best one, so that it can be found.
    At equal worth the earlier candidate is better; one of worth -inf gets no votes.

    Args:
      candidates: see there.
      num_products: size of the catalogue.
      votes: how many candidates of each granularity a product votes for.
      min_vote_share: share of a candidate's products that must have voted for it.
    """
    order = np.argsort(-candidates.worths, kind="stable")
    voted_on = order[candidates.worths[order] > -np.inf]
    counts = np.zeros(candidates.num_codes, np.int64)
    for rank in range(len(GRANULARITIES)):
        if votes[rank]:
            counts += _count_votes(candidates, voted_on[candidates.ranks[voted_on] == rank],
                                   num_products, votes[rank])
    chosen = (counts > 0) & (counts >= min_vote_share * candidates.sizes)
    rescued = cover_all(candidates, chosen, order, num_products)
    return Selection(chosen | rescued, counts, rescued)


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
