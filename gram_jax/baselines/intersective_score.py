"""SEAL's scores: what an n-gram weighs for a query, and what its n-grams make of a title.

Bevilacqua et al., Autoregressive Search Engines, NeurIPS 2022 (arXiv 2204.10628), section 3:

    P(n)    = F(n, R) / sum of the documents' token counts
    w(n, q) = max(0, ln( P(n | q) (1 - P(n)) / (P(n) (1 - P(n | q))) ))
    W(d, q) = sum over n in K(d) of w(n, q)^alpha cover(n)
    cover(n) = 1 - beta + beta |set(n) \\ V| / |set(n)|

Where the paper's words leave room, this does as the authors' `seal/keys.py` does: n-grams are taken
heaviest first; one belongs to K(d) where an occurrence in d overlaps none of those taken before;
V are the tokens of the n-grams that d has taken before; counts may be smoothed. Pure functions of
numbers; nothing of models or of how n-grams were found.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

_MOST_CERTAIN = -1e-10
"""ln P(n | q) is kept below this, so that the odds are finite."""


@dataclasses.dataclass(frozen=True)
class IntersectiveSettings:
    """How n-grams score titles; defaults are those of the authors' searcher.

    Args:
      alpha: exponent of weights, above 0: the higher, the more the heaviest n-grams decide.
      beta: how much an n-gram loses of its weight where its tokens are covered, from 0 to 1.
      smoothing: added to an n-gram's count and to that of all tokens; 0 as the paper's P(n).
      max_hits: n-grams that occur more often propose no titles; they score what others propose.
      max_scored: titles that are scored by all n-grams: the best by those that propose.

    Raises:
      ValueError: a setting is out of range.
    """

    alpha: float = 2.0
    beta: float = 0.8
    smoothing: float = 5.0
    max_hits: int = 1500
    max_scored: int = 1500

    def __post_init__(self):
        if not (self.alpha > 0 and 0 <= self.beta <= 1 and self.smoothing >= 0
                and self.max_hits > 0 and self.max_scored > 0):
            raise ValueError(f"{self}: beta is between 0 and 1, smoothing at least 0, and the "
                             "others are above 0")


AUTHORS_SETTINGS = IntersectiveSettings()
"""Those of the authors' searcher."""


def ngram_weights(log_probs: np.ndarray, counts: np.ndarray, num_tokens: int, *,
                  smoothing: float = 5.0) -> np.ndarray:
    """w(n, q), how much more probable each n-gram is after the query than in the catalogue.

    Args:
      log_probs: [n], ln P(n | q); -inf weighs 0.
      counts: int [n], F(n, R), in the whole catalogue; an n-gram that does not occur weighs 0.
      num_tokens: of all titles together.
      smoothing: see `IntersectiveSettings`.

    Returns:
      float64 [n], at least 0 and finite.
    """
    conditional = np.minimum(log_probs.astype(np.float64), _MOST_CERTAIN)
    # ln 0, of what does not occur or is all that occurs.
    with np.errstate(divide="ignore", invalid="ignore"):
        prior = np.log(counts + smoothing) - np.log(num_tokens + smoothing)
        log_odds = conditional - np.log(-np.expm1(conditional))
        prior_log_odds = prior - np.log(-np.expm1(prior))
    # Where the catalogue is nothing but this n-gram, its prior odds are infinite.
    possible = (counts > 0) & (conditional > -np.inf) & (prior_log_odds < np.inf)
    weights = np.zeros(len(conditional))
    weights[possible] = np.maximum(0.0, log_odds[possible] - prior_log_odds[possible])
    return weights


def heaviest_first(weights: np.ndarray, ngrams: np.ndarray) -> np.ndarray:
    """The order in which n-grams are taken: by falling weight, equals by rising tokens.

    Args:
      weights: float [n].
      ngrams: int [n, length], 0 behind the last token.
    """
    return np.lexsort((*ngrams.T[::-1], -weights))


def intersective_scores(
    ngrams: np.ndarray,
    weights: np.ndarray,
    occurrences: Sequence[np.ndarray],
    title_of: np.ndarray,
    num_titles: int,
    *,
    alpha: float = 2.0,
    beta: float = 0.8,
) -> tuple[np.ndarray, np.ndarray]:
    """W(d, q) of some titles, all of them at once, n-gram after n-gram.

    Args:
      ngrams: int [n, length], no two alike, 0 behind the last token.
      weights: float [n], as `ngram_weights` gives them; those of 0 are left out.
      occurrences: for each n-gram the places of these titles where it begins: int [m], rising.
      title_of: int [places], from 0 to `num_titles` - 1, rising.
      num_titles: how many titles these places are of.
      alpha, beta: see `IntersectiveSettings`.

    Returns:
      float64 [titles], 0 where no n-gram occurs, and int64 [titles], the n-gram that adds the most
      to each, -1 where there is none.
    """
    tokens, columns = np.unique(ngrams, return_inverse=True)
    columns = columns.reshape(ngrams.shape)
    is_free = np.ones(len(title_of), bool)
    is_covered = np.zeros((num_titles, len(tokens)), bool)
    scores, most = np.zeros(num_titles), np.zeros(num_titles)
    best = np.full(num_titles, -1, np.int64)
    for ngram in heaviest_first(weights, ngrams).tolist():
        length = int(np.count_nonzero(ngrams[ngram]))
        starts = occurrences[ngram]
        starts = starts[is_free[starts[:, None] + np.arange(length)].all(axis=1)]
        if weights[ngram] <= 0 or not len(starts):
            continue
        titles = np.unique(title_of[starts])
        held = np.unique(columns[ngram, :length])
        at_held = titles[:, None], held[None, :]
        new = 1.0 - is_covered[at_held].mean(axis=1)
        added = weights[ngram] ** alpha * (1.0 - beta + beta * new)
        # With beta 1, what only repeats adds nothing, and then it takes no place from others.
        takes = added > 0
        if not takes.all():
            starts = starts[np.isin(title_of[starts], titles[takes])]
            titles, added = titles[takes], added[takes]
            at_held = titles[:, None], held[None, :]
        scores[titles] += added
        is_covered[at_held] = True
        heavier = added > most[titles]
        best[titles[heavier]], most[titles[heavier]] = ngram, added[heavier]
        is_free[_apart(starts, length)[:, None] + np.arange(length)] = False
    return scores, best


def _apart(starts: np.ndarray, length: int) -> np.ndarray:
    """Those that overlap none of those before, from left to right: 'a a' once in 'a a a'."""
    if not len(starts) or np.diff(starts).min(initial=length) >= length:
        return starts
    kept = [int(starts[0])]
    for start in starts[1:].tolist():
        if start >= kept[-1] + length:
            kept.append(start)
    return np.array(kept)
