import jax
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.retrieval.grouping import group_leaders

grouped = jax.jit(group_leaders)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000), st.sampled_from([1, 7, 300]),
       st.sampled_from([1, 2, 50, 1000, 2**30]))
def test_a_leader_is_the_first_place_with_the_same_number(seed, num_places, num_numbers):
    rng = np.random.default_rng(seed)
    numbers = rng.integers(0, num_numbers, (3, num_places)).astype(np.int32)
    exists = rng.random(numbers.shape) < rng.random()
    leaders = np.asarray(grouped(numbers, exists))
    for row in range(3):
        first = {}
        for place, number in enumerate(numbers[row]):
            expected = first.setdefault(number, place) if exists[row, place] else place
            assert leaders[row, place] == expected
