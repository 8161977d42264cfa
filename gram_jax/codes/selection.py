"""Which candidate codes enter the table: products vote for those that shoppers would ask by.

Knows subsets of values as numbers with their products; nothing of texts or queries.
"""

from collections.abc import Sequence

import numpy as np

from gram_jax.codes.code import GRANULARITIES


def select_by_votes(postings: Sequence[np.ndarray], worths: np.ndarray, ranks: np.ndarray, *,
                    num_products: int, votes: Sequence[int], min_vote_share: float) -> np.ndarray:
    """Every product votes for its best candidates; those that enough of their products want stay.

    A product that no chosen candidate holds afterwards gets its best one, so that it can be found.

    Args:
      postings: rising int32 products of every candidate.
      worths: float [candidates], more is better; at equal worth the earlier candidate wins. One
        of -inf gets no votes, and is chosen only for products which nothing else finds.
      ranks: int [candidates], granularity as the place in `GRANULARITIES`.
      num_products: size of the catalogue.
      votes: how many candidates of each granularity a product votes for.
      min_vote_share: share of a candidate's products that must have voted for it.

    Returns:
      bool [candidates].
    """
    order = np.argsort(-worths, kind="stable")
    voted_on = order[worths[order] > -np.inf]
    counts = np.zeros(len(postings), np.int64)
    for rank in range(len(GRANULARITIES)):
        candidates = voted_on[ranks[voted_on] == rank]
        counts += _count_votes(postings, candidates, num_products, votes[rank])
    sizes = np.array([len(row) for row in postings], np.int64)
    chosen = (counts > 0) & (counts >= min_vote_share * sizes)
    covered = np.zeros(num_products, bool)
    for candidate in np.flatnonzero(chosen):
        covered[postings[candidate]] = True
    for candidate in order:
        if not covered[postings[candidate]].all():
            chosen[candidate] = True
            covered[postings[candidate]] = True
    return chosen


def _count_votes(postings, candidates, num_products: int, num_votes: int) -> np.ndarray:
    """How many products have each candidate among their first `num_votes` in the given order."""
    counts = np.zeros(len(postings), np.int64)
    if not len(candidates) or not num_votes:
        return counts
    products = np.concatenate([postings[candidate] for candidate in candidates])
    owners = np.repeat(candidates, [len(postings[candidate]) for candidate in candidates])
    by_product = np.argsort(products, kind="stable")  # best first within a product
    starts = np.zeros(num_products + 1, np.int64)
    np.cumsum(np.bincount(products, minlength=num_products), out=starts[1:])
    place = np.arange(len(products)) - starts[products[by_product]]
    np.add.at(counts, owners[by_product[place < num_votes]], 1)
    return counts
