"""How well the text of a query predicts the values of the products that its shoppers want.

A code that queries cannot foretell cannot be learned, so mining asks this before anything else.
Knows values as numbers and words as strings; nothing of codes.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

Clicked = Mapping[str, Mapping[int, float]]
"""query_id -> clicked product -> weight, above 0."""

_PRIOR_QUERIES = 2.0
"""Queries' worth of doubt: a word seen once predicts nothing."""
_RATE_WITHOUT_CLICKS = 0.2


def predict_values(query_words: Mapping[str, Iterable[str]],
                   query_values: Mapping[str, Sequence[int]], clicked: Clicked,
                   product_values: Sequence[Sequence[int]]) -> dict[str, dict[int, float]]:
    """For every query with clicks, how surely its text predicts each value of what was clicked.

    A value that the text mentions has 1. Another one has what its best word promises,

        max over words w of  n(w, v) / (n(w) + prior),

    where n(w) counts the other queries with the word and n(w, v) the share of their clicks on
    products with the value: so 'sneaker' predicts 'running shoe' although no title says sneaker.

    Returns:
      query_id -> value -> certainty, above 0 and at most 1.
    """
    wanted = {query_id: _shares(weights, product_values) for query_id, weights in clicked.items()}
    num_queries: Counter[str] = Counter()
    seen: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for query_id, shares in wanted.items():
        for word in set(query_words[query_id]):
            num_queries[word] += 1
            promised = seen[word]
            for value, share in shares.items():
                promised[value] += share
    predicted = {}
    for query_id, shares in wanted.items():
        own = set(query_values[query_id])
        # Its own clicks are taken out of the counts: a query must not foretell itself.
        others = [(seen[word], num_queries[word] - 1 + _PRIOR_QUERIES)
                  for word in sorted(set(query_words[query_id])) if num_queries[word] > 1]
        certainty = {}
        for value, share in shares.items():
            best = max((max(promised[value] - share, 0.0) / total for promised, total in others),
                       default=0.0)
            if value in own or best > 0:
                certainty[value] = 1.0 if value in own else best
        predicted[query_id] = certainty
    return predicted


def naming_rates(predicted: Mapping[str, Mapping[int, float]], clicked: Clicked,
                 product_values: Sequence[Sequence[int]], num_values: int) -> np.ndarray:
    """The mean certainty with which a query predicts each value of a product it wants.

    Every query counts once in all; values seen with few clicks lean on the mean of all values.

    Returns:
      float64 [num_values], above 0.
    """
    sure, count = np.zeros(num_values), np.zeros(num_values)
    for query_id, weights in clicked.items():
        for value, share in _shares(weights, product_values).items():
            count[value] += share
            sure[value] += share * predicted[query_id].get(value, 0.0)
    mean = sure.sum() / count.sum() if sure.any() else _RATE_WITHOUT_CLICKS
    return (sure + _PRIOR_QUERIES * mean) / (count + _PRIOR_QUERIES)


def _shares(weights: Mapping[int, float],
            product_values: Sequence[Sequence[int]]) -> dict[int, float]:
    """The share of a query's clicks that went to products with each value."""
    total = sum(weights.values())
    shares: dict[int, float] = defaultdict(float)
    for product, weight in weights.items():
        for value in product_values[product]:
            shares[value] += weight / total
    return dict(shares)
