"""Frequent subsets and their products against counting every combination."""

import itertools
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.codes.subsets import frequent_subsets, subset_postings

_BAGS = st.lists(st.lists(st.integers(0, 6), max_size=5, unique=True), min_size=1, max_size=8)


def _padded(bags):
    return np.array([bag + [-1] * (5 - len(bag)) for bag in bags], np.int64)


def _brute_force(bags, max_values, min_bags, banned):
    counts = Counter(subset for bag in bags for size in range(1, max_values + 1)
                     for subset in itertools.combinations(sorted(bag), size))
    return {subset for subset, count in counts.items() if count >= min_bags
            and not any(pair in banned for pair in itertools.combinations(subset, 2))}


@given(_BAGS, st.integers(1, 4), st.integers(1, 3),
       st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda p: p[0] < p[1]),
               max_size=3))
def test_every_frequent_subset_and_no_other(bags, max_values, min_bags, banned):
    found = frequent_subsets(_padded(bags), max_values=max_values, min_bags=min_bags,
                             is_redundant=lambda a, b: (min(a, b), max(a, b)) in banned)
    assert found == _brute_force(bags, max_values, min_bags, banned)


@given(_BAGS, st.integers(1, 3), st.integers(1, 5))
def test_postings_are_the_products_that_hold_every_value(bags, min_products, max_products):
    value_postings = [np.array([at for at, bag in enumerate(bags) if value in bag], np.int32)
                      for value in range(7)]
    subsets = {subset for size in range(1, 4) for subset in itertools.combinations(range(7), size)}
    found = dict(subset_postings(subsets, value_postings, max_products=max_products,
                                 min_products=lambda num_values: min_products + (num_values > 2)))
    for subset in subsets:
        holders = [at for at, bag in enumerate(bags) if set(subset) <= set(bag)]
        wanted = min_products + (len(subset) > 2) <= len(holders) <= max_products
        assert (subset in found) == wanted
        assert not wanted or found[subset].tolist() == holders


def test_no_bags_have_no_subsets():
    empty = np.full((2, 3), -1)
    found = frequent_subsets(empty, max_values=3, min_bags=1, is_redundant=lambda a, b: False)
    assert found == set()
