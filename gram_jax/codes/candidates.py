"""Candidates for codes: sets of values that products, or the clicks of queries, have together.

Knows values as numbers; which candidates become codes is decided elsewhere.
"""

from collections.abc import Mapping

import numpy as np

from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.codes.predictability import Clicked
from gram_jax.codes.subsets import Subset, frequent_subsets
from gram_jax.codes.value_index import ValueIndex


def candidate_subsets(index: ValueIndex, rates: np.ndarray,
                      predicted: Mapping[str, Mapping[int, float]], clicked: Clicked,
                      settings: MiningSettings) -> set[Subset]:
    """Sets of values that many products have together, or several queries' clicked products.

    A product's bag holds its values that queries name most; a query's bag those values which its
    text predicts and which most of its clicks went to. No set says a thing twice ('sink' beside
    'kitchen sink').

    Args:
      index: the values of products.
      rates: float [values], how surely queries predict each value.
      predicted: query_id -> value -> certainty.
      clicked: query_id -> product -> weight.
      settings: floors and sizes.
    """
    enough = index.sizes >= settings.min_products
    parts = [frozenset(text.split(" ")) for _, text in index.values]

    def is_redundant(one: int, other: int) -> bool:
        return parts[one] <= parts[other] or parts[other] <= parts[one]

    def bag(weights: Mapping[int, float]) -> list[int]:
        best = sorted((value for value in weights if enough[value]),
                      key=lambda value: (-weights[value], value))[:settings.max_bag_values]
        return best + [-1] * (settings.max_bag_values - len(best))

    product_bags = [bag({value: rates[value] for value in values})
                    for values in index.product_values]
    query_bags = []
    for query_id, certainty in predicted.items():
        weights, half = clicked[query_id], sum(clicked[query_id].values()) / 2
        query_bags.append(bag({
            value: sure for value, sure in certainty.items()
            if sum(weight for product, weight in weights.items()
                   if value in index.product_values[product]) >= half}))
    found: set[Subset] = set()
    for bags, floor in ((product_bags, settings.min_products), (query_bags, settings.min_queries)):
        if bags:
            found |= frequent_subsets(np.array(bags, np.int64), max_values=settings.max_values,
                                      min_bags=floor, is_redundant=is_redundant)
    return found
