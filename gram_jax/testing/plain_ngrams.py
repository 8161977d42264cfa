"""N-grams of titles and their intersective score in plain Python: what the arrays are checked with.

Reads titles as lists of tokens and scans them; nothing is shared with the tables and searches.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

Ngram = tuple[int, ...]


def occurring_ngrams(titles: Sequence[Sequence[int]], max_tokens: int) -> set[Ngram]:
    """Every n-gram of at most `max_tokens` that stands in a title."""
    return {tuple(title[start:start + length]) for title in titles for start in range(len(title))
            for length in range(1, min(max_tokens, len(title) - start) + 1)}


def places_in(title: Sequence[int], ngram: Ngram) -> list[int]:
    """Where the n-gram begins in a title."""
    return [start for start in range(len(title) - len(ngram) + 1)
            if tuple(title[start:start + len(ngram)]) == ngram]


def count_in(titles: Sequence[Sequence[int]], ngram: Ngram) -> int:
    """F(n, R): how often the n-gram occurs, overlapping occurrences each counted."""
    return sum(len(places_in(title, ngram)) for title in titles)


def plain_intersective_score(title: Sequence[int], weights: Mapping[Ngram, float], *,
                             alpha: float, beta: float) -> tuple[float, Ngram | None]:
    """W(d, q) of one title, n-gram by n-gram, and the n-gram that adds the most to it.

    Args:
      title: its tokens.
      weights: w(n, q) of each n-gram.
      alpha, beta: of the paper.
    """
    score, most, best = 0.0, 0.0, None
    taken: set[int] = set()
    covered: set[int] = set()
    for ngram in sorted(weights, key=lambda ngram: (-weights[ngram], ngram)):
        free = [place for place in places_in(title, ngram)
                if taken.isdisjoint(range(place, place + len(ngram)))]
        different = set(ngram)
        cover = 1 - beta + beta * (1 - len(different & covered) / len(different))
        added = weights[ngram] ** alpha * cover
        if not free or added <= 0:
            continue
        score += added
        if added > most:
            most, best = added, ngram
        covered |= different
        for place in free:
            if taken.isdisjoint(range(place, place + len(ngram))):
                taken.update(range(place, place + len(ngram)))
    return score, best


def plain_ngram_search(
    ngrams: set[Ngram], log_probs_after: Callable[[Ngram], np.ndarray], *, beam_size: int,
    max_tokens: int, num_unigrams: int = 0,
) -> tuple[dict[Ngram, float], float]:
    """The n-grams that a beam search comes by, with their log-probabilities.

    Args:
      ngrams: those that exist.
      log_probs_after: float64 [vocab] of the token after a prefix.
      beam_size, max_tokens, num_unigrams: as for `baselines.ngram_search.search_ngrams`.

    Returns:
      The n-grams, and the smallest difference between two unequal scores that were compared.
    """
    found: dict[Ngram, float] = {}
    live, margin = {(): 0.0}, float("inf")
    for length in range(1, max_tokens + 1):
        grown = {}
        for ngram in sorted(ngrams):
            if len(ngram) == length and ngram[:-1] in live:
                token_log_prob = float(log_probs_after(ngram[:-1])[ngram[-1]])
                grown[ngram] = live[ngram[:-1]] + token_log_prob
        # Stable: equals stay in the order of their prefixes, then of their tokens.
        order = sorted(grown, key=lambda ngram: -grown[ngram])
        gaps = -np.diff([grown[ngram] for ngram in order])
        margin = min(margin, float(gaps[gaps > 0].min(initial=np.inf)))
        count = max(beam_size, num_unigrams) if length == 1 else beam_size
        found.update((ngram, grown[ngram]) for ngram in order[:count])
        live = {ngram: grown[ngram] for ngram in order[:beam_size]}
    return found, margin
