"""Frequent subsets and their products against counting every combination."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.codes import subsets as subsets_module
from gram_jax.codes.subsets import frequent_subsets, subset_postings

_BAGS = st.lists(st.lists(st.integers(0, 6), max_size=5, unique=True), min_size=1, max_size=8)
_SAID = st.lists(st.frozensets(st.sampled_from("abcdef"), min_size=1, max_size=2), min_size=7,
                 max_size=7)


def _padded(bags):
    return np.array([bag + [-1] * (5 - len(bag)) for bag in bags], np.int64)


def _tuples(rows):
    return [tuple(value for value in row if value >= 0) for row in rows.tolist()]


def _brute_force(bags, max_values, min_bags, said):
    counts = Counter(subset for bag in bags for size in range(1, max_values + 1)
                     for subset in itertools.combinations(sorted(bag), size))
    return {subset for subset, count in counts.items() if count >= min_bags
            and not any(said[one] <= said[other] or said[other] <= said[one]
                        for one, other in itertools.combinations(subset, 2))}


@pytest.mark.parametrize("bags_a_shard", [1, 1000])
@given(bags=_BAGS, max_values=st.integers(1, 4), min_bags=st.integers(1, 3), said=_SAID)
def test_every_frequent_subset_and_no_other_in_order(bags_a_shard, bags, max_values, min_bags,
                                                     said):
    whole, subsets_module._BAGS_A_SHARD = subsets_module._BAGS_A_SHARD, bags_a_shard
    try:
        found = frequent_subsets(_padded(bags), max_values=max_values, min_bags=min_bags, said=said)
    finally:
        subsets_module._BAGS_A_SHARD = whole
    assert found.shape[1] == max_values and found.dtype == np.int32
    assert found.tolist() == sorted(found.tolist())
    assert Counter(_tuples(found)) == Counter(_brute_force(bags, max_values, min_bags, said))


@pytest.mark.parametrize("subsets_a_shard", [7, 1000])
@given(bags=_BAGS, min_products=st.integers(1, 3), max_products=st.integers(1, 5))
def test_postings_are_the_products_that_hold_every_value(subsets_a_shard, bags, min_products,
                                                         max_products):
    value_postings = [np.array([at for at, bag in enumerate(bags) if value in bag], np.int32)
                      for value in range(7)]
    every = [subset for size in range(1, 4) for subset in itertools.combinations(range(7), size)]
    padded = np.array([[*subset, *[-1] * (3 - len(subset))] for subset in every], np.int32)
    whole, subsets_module._SUBSETS_A_SHARD = subsets_module._SUBSETS_A_SHARD, subsets_a_shard
    try:
        sizes, in_bounds, products = subset_postings(
            padded, value_postings, max_products=max_products,
            min_products=lambda num_values: min_products + (num_values > 2))
    finally:
        subsets_module._SUBSETS_A_SHARD = whole
    starts = np.concatenate([[0], np.cumsum(sizes[in_bounds])])
    found = {every[at]: products[starts[row]:starts[row + 1]].tolist()
             for row, at in enumerate(in_bounds.tolist())}
    assert len(products) == starts[-1] and products.dtype == np.int32
    for at, subset in enumerate(every):
        holders = [row for row, bag in enumerate(bags) if set(subset) <= set(bag)]
        assert sizes[at] == len(holders)
        wanted = min_products + (len(subset) > 2) <= len(holders) <= max_products
        assert (subset in found) == wanted
        assert not wanted or found[subset] == holders


def test_no_bags_have_no_subsets():
    empty = np.full((2, 3), -1)
    assert frequent_subsets(empty, max_values=3, min_bags=1, said=[]).shape == (0, 3)
