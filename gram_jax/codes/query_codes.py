"""The codes of one query: those that find what its shoppers clicked, and little else.

Knows nothing of how codes were made.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from gram_jax.codes.code import GRANULARITIES, granularity_of
from gram_jax.codes.mining_settings import MiningSettings


def codes_of_queries(postings: Sequence[np.ndarray], subsets: Sequence[Sequence[Hashable]],
                     certainties: Mapping[str, Mapping[Hashable, float]],
                     clicked: Mapping[str, Mapping[int, float]], *, num_products: int,
                     settings: MiningSettings) -> dict[str, tuple[int, ...]]:
    """The codes of every query, best first, of those that reach something it clicked.

    Args:
      postings: products of every code.
      subsets: values of every code, however they are known.
      certainties: query_id -> value -> how surely the query's text predicts it; missing is 0.
      clicked: query_id -> product -> weight.
      num_products: size of the catalogue.
      settings: see `choose_query_codes`.

    Returns:
      query_id -> codes; queries without any are left out.
    """
    codes_of: list[list[int]] = [[] for _ in range(num_products)]
    for code, row in enumerate(postings):
        for product in row.tolist():
            codes_of[product].append(code)
    sizes = [len(row) for row in postings]
    ranks = [GRANULARITIES.index(granularity_of(len(subset))) for subset in subsets]
    surprise = settings.surprise_weight
    query_codes = {}
    for query_id, weights in clicked.items():
        reached: dict[int, dict[int, float]] = defaultdict(dict)
        for product, weight in weights.items():
            for code in codes_of[product]:
                reached[code][product] = weight
        affinities = {code: surprise + (1 - surprise)
                      * mean_certainty(certainties[query_id], subsets[code]) for code in reached}
        query_codes[query_id] = choose_query_codes(
            reached, sizes, ranks, affinities, max_codes=settings.max_codes_per_query,
            size_prior=settings.size_prior, covered_share=settings.covered_share,
            min_relative_score=settings.min_relative_score)
    return {query_id: chosen for query_id, chosen in query_codes.items() if chosen}


def mean_certainty(certainty: Mapping[Hashable, float], subset: Sequence[Hashable]) -> float:
    """How surely a query's text predicts a code: the mean over its values."""
    return sum(certainty.get(value, 0.0) for value in subset) / len(subset)


def choose_query_codes(reached: Mapping[int, Mapping[int, float]], sizes: Sequence[int],
                       ranks: Sequence[int], affinities: Mapping[int, float], *, max_codes: int,
                       size_prior: float, covered_share: float,
                       min_relative_score: float) -> tuple[int, ...]:
    """Picks codes greedily, best first.

    The score of a code is

        affinity * sum(weights of the clicked products it reaches) / sqrt(size + size_prior)

    where the weight of a product falls to `covered_share` of itself with every code picked that
    reaches it, so that new coverage counts most and a second way to a product still counts. The
    best code of each granularity is picked before the others; at equal scores the code with the
    lower id wins.

    Args:
      reached: code_id -> clicked product -> click weight.
      sizes: products under every code.
      ranks: every code's granularity as its place in `GRANULARITIES`.
      affinities: code_id -> factor above 0; how well the query's text predicts the code.
      max_codes: at most so many are picked.
      size_prior: products added to every size, so that tiny codes are not favoured.
      covered_share: from 0 (only new coverage counts) to 1 (coverage does not matter).
      min_relative_score: a code that scores less than this share of the first is not picked.
    """
    left = {product: weight for weights in reached.values() for product, weight in weights.items()}
    worth = {code: affinities[code] / (sizes[code] + size_prior) ** 0.5 for code in reached}
    picked: list[int] = []
    first = 0.0
    missing = set(range(len(GRANULARITIES)))
    while len(picked) < max_codes and len(picked) < len(reached):
        open_codes = [code for code in reached if code not in picked]
        wanted = [code for code in open_codes if ranks[code] in missing] or open_codes
        score = {code: worth[code] * sum(left[product] for product in reached[code])
                 for code in wanted}
        best = min(wanted, key=lambda code: (-score[code], code))
        first = max(first, score[best])
        if score[best] <= 0 or score[best] < min_relative_score * first:
            if not missing or wanted is open_codes:
                break
            missing.clear()
            continue
        picked.append(best)
        missing.discard(ranks[best])
        for product in reached[best]:
            left[product] *= covered_share
    return tuple(picked)
