"""From n-grams with their probabilities to the titles that hold them, best first.

In two rounds, as SEAL's authors have it: n-grams that are not too frequent propose titles and score
them, and the best of these are scored by all n-grams. Joins the n-grams' occurrences
(`ngram_table`) with their scores (`intersective_score`); knows nothing of models or texts.
"""

import dataclasses

import numpy as np

from gram_jax.baselines.intersective_score import (
    AUTHORS_SETTINGS,
    IntersectiveSettings,
    intersective_scores,
    ngram_weights,
)
from gram_jax.baselines.ngram_table import NgramTable
from gram_jax.retrieval.ordering import best_first


@dataclasses.dataclass(frozen=True, eq=False)
class RankedTitles:
    """Titles of a table, best first; of equals the lower number comes first.

    Args:
      titles: int64 [n], their numbers.
      scores: float64 [n], W(d, q), all above 0.
      ngrams: int64 [n], which of the given n-grams adds the most to each.
    """

    titles: np.ndarray
    scores: np.ndarray
    ngrams: np.ndarray


def rank_titles(table: NgramTable, ngrams: np.ndarray, log_probs: np.ndarray, *, k: int,
                settings: IntersectiveSettings = AUTHORS_SETTINGS) -> RankedTitles:
    """The `k` best titles by the intersective score of some n-grams.

    Args:
      table: the n-grams of all titles.
      ngrams: int [n, length], no two alike, 0 behind the last token; those that do not occur
        count for nothing.
      log_probs: float [n], ln P(n | q).
      k: titles at most; there are never more than `settings.max_scored`.
      settings: of the score.
    """
    starts, ends = table.ranges(ngrams)
    counts = ends - starts
    weights = ngram_weights(log_probs, counts, table.num_tokens, smoothing=settings.smoothing)
    power = {"alpha": settings.alpha, "beta": settings.beta}
    rare = np.flatnonzero((weights > 0) & (counts <= settings.max_hits))
    occurrences = [np.sort(table.order[starts[i]:ends[i]]) for i in rare.tolist()]
    titles = np.unique(table.title_of[np.concatenate([np.zeros(0, np.int32), *occurrences])])
    if len(titles) > settings.max_scored:
        scores, _ = intersective_scores(ngrams[rare], weights[rare], occurrences, table.title_of,
                                        table.num_titles, **power)
        titles = titles[np.sort(best_first(scores[titles], settings.max_scored))]
    some = np.flatnonzero(weights > 0)
    occurrences, title_of = _occurrences_in(table, titles, starts[some], ends[some])
    scores, most = intersective_scores(ngrams[some], weights[some], occurrences, title_of,
                                       len(titles), **power)
    best = best_first(scores, k)
    best = best[scores[best] > 0]
    return RankedTitles(titles[best].astype(np.int64), scores[best], some[most[best]])


def _occurrences_in(table: NgramTable, titles: np.ndarray, starts: np.ndarray,
                    ends: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Where n-grams occur in some titles, whose places are numbered anew, one after the other.

    Args:
      table: the n-grams of all titles.
      titles: int [titles], rising.
      starts, ends: int64 [n], the n-grams' ranges.

    Returns:
      For each n-gram the places where it begins, rising, and int64 [places], of each place which
      of the titles it belongs to.
    """
    first, sizes = table.title_starts[titles], np.diff(table.title_starts)[titles]
    title_of = np.repeat(np.arange(len(titles)), sizes)
    places = np.arange(len(title_of)) + (first - (np.cumsum(sizes) - sizes))[title_of]
    ranks = table.ranks[places]
    by_rank = np.argsort(ranks)
    low, high = (np.searchsorted(ranks, bounds, sorter=by_rank) for bounds in (starts, ends))
    occurrences = [np.sort(by_rank[start:end]) for start, end in zip(low.tolist(), high.tolist())]
    return occurrences, title_of
