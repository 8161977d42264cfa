"""Cut anywhere, the order is the same; every epoch has every example once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.core.epoch_order import EpochOrder


@given(st.integers(1, 9), st.integers(0, 5), st.lists(st.integers(0, 12), max_size=6))
def test_stretches_one_after_the_other_are_one_stretch(size, seed, counts):
    order, start, parts = EpochOrder(size, seed), 0, [np.zeros(0, np.int64)]
    for count in counts:
        parts.append(order.stretch(start, count))
        start += count
    whole = EpochOrder(size, seed).stretch(0, start)
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert whole.dtype == np.int64 and len(whole) == start


@given(st.integers(1, 9), st.integers(0, 5))
def test_every_epoch_is_a_permutation(size, seed):
    order = EpochOrder(size, seed)
    for epoch in (2, 0, 1):  # in any order of asking
        assert sorted(order.stretch(epoch * size, size)) == list(range(size))


def test_epochs_and_seeds_differ():
    order = EpochOrder(50, 0)
    assert order.stretch(0, 50).tolist() != order.stretch(50, 50).tolist()
    assert order.stretch(0, 50).tolist() != EpochOrder(50, 1).stretch(0, 50).tolist()


@pytest.mark.parametrize(("size", "seed"), [(0, 0), (3, -1)])
def test_no_examples_or_a_negative_seed_are_refused(size, seed):
    with pytest.raises(ValueError, match="at least"):
        EpochOrder(size, seed)
