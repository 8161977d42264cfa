"""The codes of queries: those that find what their shoppers clicked, and little else.

Knows nothing of how codes were made. Index glossary within a block of queries: a pair is a
(query, clicked product); a reach is a (pair, code of its product); a group is a (query, code)
that some reach has.
"""

import dataclasses

import numpy as np
from scipy import sparse

from gram_jax.codes.code import GRANULARITIES
from gram_jax.codes.code_postings import CodePostings
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.core.clicks import ClickTable

_CLICKS_AT_ONCE = 1 << 17
_SCORE_DECIMALS = 12
"""Scores that are equal on paper shall be equal here, so that the lower code wins."""


@dataclasses.dataclass(frozen=True, eq=False)
class QueryCodes:
    """The codes of queries, best first.

    Args:
      starts: int64 [queries + 1]; the codes of row q are `codes[starts[q]:starts[q + 1]]`.
      codes: int32 [picks].
      certainties: float64 [picks], how surely the query's text predicts the code: the mean over
        its values.
    """

    starts: np.ndarray
    codes: np.ndarray
    certainties: np.ndarray

    def of_row(self, row: int) -> tuple[int, ...]:
        """The codes of a query, best first."""
        return tuple(self.codes[self.starts[row]:self.starts[row + 1]].tolist())

    def affinities(self, num_codes: int) -> sparse.csr_array:
        """The certainties as float64 [queries, codes]."""
        return sparse.csr_array((self.certainties, self.codes, self.starts),
                                shape=(len(self.starts) - 1, num_codes))


def choose_query_codes(codes: CodePostings, clicks: ClickTable, certainties: sparse.csr_array, *,
                       num_products: int, settings: MiningSettings) -> QueryCodes:
    """Picks the codes of every query greedily, best first (section 1 of the method).

    The score of a code is

        affinity * sum(weights of the clicked products it reaches) / sqrt(size + size_prior)

    with affinity = surprise_weight + (1 - surprise_weight) * certainty. The weight of a product
    falls to `covered_share` of itself with every code picked that reaches it, so that new coverage
    counts most and a second way to a product still counts. The best code of each granularity is
    picked before the others; at equal scores the code with the lower number wins. A code that
    scores less than `min_relative_score` of the best is not picked.

    Args:
      codes: with their products.
      clicks: rows are the queries.
      certainties: float [queries, values], how surely each query's text predicts a value; not
        stored is 0.
      num_products: size of the catalogue.
      settings: see above.
    """
    code_starts, code_rows = codes.by_product(num_products)
    picks = [(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0))]
    for first, last in _blocks(clicks.starts):
        pairs = slice(clicks.starts[first], clicks.starts[last])
        products = clicks.products[pairs]
        rows = np.repeat(np.arange(last - first), np.diff(clicks.starts[first:last + 1]))
        counts = code_starts[products + 1] - code_starts[products]
        pair_of_reach = np.repeat(np.arange(len(products)), counts)
        place = np.arange(len(pair_of_reach)) - np.repeat(np.cumsum(counts) - counts, counts)
        reached = code_rows[code_starts[products][pair_of_reach] + place]
        if not len(reached):
            continue
        keys, group = np.unique(rows[pair_of_reach] * codes.num_codes + reached,
                                return_inverse=True)
        group_rows, group_codes = np.divmod(keys, codes.num_codes)
        certainty = _mean_certainty(certainties[first:last], group_rows,
                                    codes.subsets[group_codes])
        affinity = settings.surprise_weight + (1 - settings.surprise_weight) * certainty
        picked = _pick(
            group_rows, codes.ranks[group_codes], pair_of_reach, group,
            clicks.weights[pairs].astype(np.float64),
            affinity / np.sqrt(codes.sizes[group_codes] + settings.size_prior),
            num_rows=last - first, settings=settings)
        picks.append((group_rows[picked] + first, group_codes[picked].astype(np.int32),
                      certainty[picked]))
    rows, chosen, certainty = (np.concatenate(part) for part in zip(*picks))
    order = np.argsort(rows, kind="stable")
    starts = np.zeros(clicks.num_queries + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=clicks.num_queries), out=starts[1:])
    return QueryCodes(starts, chosen[order], certainty[order])


def _blocks(starts: np.ndarray):
    """Consecutive (first, last) rows that hold about `_CLICKS_AT_ONCE` clicks together."""
    first = 0
    while first < len(starts) - 1:
        last = int(np.searchsorted(starts, starts[first] + _CLICKS_AT_ONCE, side="right")) - 1
        last = min(max(last, first + 1), len(starts) - 1)
        yield first, last
        first = last


def _mean_certainty(certainties: sparse.csr_array, rows: np.ndarray,
                    subsets: np.ndarray) -> np.ndarray:
    """The mean certainty over the values of each (row, subset); not stored is 0."""
    num_values = certainties.shape[1]
    keys = np.repeat(np.arange(certainties.shape[0]),
                     np.diff(certainties.indptr)) * num_values + certainties.indices
    total = np.zeros(len(rows))
    for column in range(subsets.shape[1] if len(keys) else 0):
        wanted = rows * num_values + subsets[:, column]
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        stored = (keys[place] == wanted) & (subsets[:, column] >= 0)
        total += np.where(stored, certainties.data[place], 0.0)
    return total / (subsets >= 0).sum(axis=1)


def _pick(group_rows, group_ranks, pair_of_reach, group, left, worth, *, num_rows: int,
          settings: MiningSettings) -> np.ndarray:
    """The picked groups, in the order of picking; all queries pick at once, one code a round.

    Args:
      group_rows: the query of every group, rising; codes rise within a query.
      group_ranks: granularity of every group's code.
      pair_of_reach: the pair of every reach.
      group: the group of every reach.
      left: float64 [pairs], what reaching a pair's product is worth; changed here.
      worth: float64 [groups], what one unit of it is worth by this code.
      num_rows: queries.
      settings: see `choose_query_codes`.
    """
    rows, first_group = np.unique(group_rows, return_index=True)
    missing = np.ones((num_rows, len(GRANULARITIES)), bool)
    is_open = np.ones(len(group_rows), bool)
    first, count = np.zeros(num_rows), np.zeros(num_rows, np.int64)
    reach_order = np.argsort(group, kind="stable")
    reach_starts = np.searchsorted(group[reach_order], np.arange(len(group_rows) + 1))
    picks: list[np.ndarray] = []
    while is_open.any():
        unseen = is_open & missing[group_rows, group_ranks]
        has_unseen = np.logical_or.reduceat(unseen, first_group)
        wanted = np.where(np.repeat(has_unseen, np.diff(np.append(first_group, len(group_rows)))),
                          unseen, is_open)
        gain = np.bincount(group, weights=left[pair_of_reach], minlength=len(group_rows))
        score = np.where(wanted, np.round(worth * gain, _SCORE_DECIMALS), -1.0)
        best = np.maximum.reduceat(score, first_group)
        first[rows] = np.maximum(first[rows], best)
        able = (best > 0) & (best >= settings.min_relative_score * first[rows])
        # Where no code of a new granularity is good enough, those of all are looked at next.
        done = ~able & ~has_unseen
        missing[rows[~able]] = False
        is_open[np.isin(group_rows, rows[done])] = False
        if not able.any():
            continue
        at_best = np.where(score == best[np.searchsorted(rows, group_rows)],
                           np.arange(len(group_rows)), len(group_rows))
        chosen = np.minimum.reduceat(at_best, first_group)[able]
        picks.append(chosen)
        is_open[chosen] = False
        missing[group_rows[chosen], group_ranks[chosen]] = False
        count[group_rows[chosen]] += 1
        full = group_rows[chosen][count[group_rows[chosen]] >= settings.max_codes_per_query]
        is_open[np.isin(group_rows, full)] = False
        for_chosen = np.concatenate([reach_order[reach_starts[at]:reach_starts[at + 1]]
                                     for at in chosen.tolist()])
        left[pair_of_reach[for_chosen]] *= settings.covered_share
    return np.concatenate(picks) if picks else np.zeros(0, np.int64)
