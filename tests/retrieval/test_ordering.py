import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.retrieval.ordering import best_first


@given(st.lists(st.integers(-3, 3), max_size=30), st.integers(0, 35))
def test_the_places_are_those_of_a_plain_sort_with_the_lower_place_first_in_a_tie(scores, k):
    expected = sorted(range(len(scores)), key=lambda place: (-scores[place], place))[:k]
    assert best_first(np.array(scores, np.float32), k).tolist() == expected
