"""Exact search is a sort of all inner products, however the vectors lie in blocks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.retrieval.exact_search import NONE, ExactSearch


def by_sorting(stored, vectors, k):
    """Places and products of the k best, one query at a time; the lower place wins a tie."""
    places = np.full((len(vectors), k), NONE)
    scores = np.full((len(vectors), k), -np.inf)
    for row, vector in enumerate(vectors):
        products = [float(np.dot(vector.astype(float), other.astype(float))) for other in stored]
        best = sorted(range(len(stored)), key=lambda place: (-products[place], place))[:k]
        places[row, :len(best)] = best
        scores[row, :len(best)] = [products[place] for place in best]
    return places, scores


# Small whole numbers: their products are exact in float32, and many of them are equal.
@given(st.integers(0, 10_000), st.sampled_from([1, 3, 5]), st.sampled_from([1, 4, 50]),
       st.sampled_from([np.float16, np.float32]))
def test_it_is_brute_force_with_ties_to_the_lower_place(seed, k, block, dtype):
    rng = np.random.default_rng(seed)
    stored = rng.integers(-2, 3, (rng.choice([0, 1, 4, 9]), 3)).astype(dtype)
    vectors = rng.integers(-2, 3, (2, 3)).astype(np.float32)
    places, scores = ExactSearch(stored, block=block).search(vectors, k=k)
    expected_places, expected_scores = by_sorting(stored, vectors, k)
    np.testing.assert_array_equal(places, expected_places)
    np.testing.assert_array_equal(scores, expected_scores)
    assert (places.dtype, scores.dtype) == (np.int32, np.float32)


def test_many_queries_are_answered_as_each_alone():
    rng = np.random.default_rng(0)
    stored = rng.normal(size=(300, 8)).astype(np.float16)
    vectors = rng.normal(size=(130, 8)).astype(np.float32)
    places, scores = ExactSearch(stored, block=70).search(vectors, k=20)
    expected_places, expected_scores = by_sorting(stored, vectors, 20)
    np.testing.assert_array_equal(places, expected_places)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-5, atol=1e-5)


def test_no_queries_and_nothing_asked_for():
    search = ExactSearch(np.ones((3, 2), np.float32))
    assert search.search(np.zeros((0, 2), np.float32), k=2)[0].shape == (0, 2)
    assert search.search(np.zeros((1, 2), np.float32), k=0)[0].shape == (1, 0)


@pytest.mark.parametrize("stored", [np.ones((2, 2)), np.ones(2, np.float32)])
def test_other_arrays_are_refused(stored):
    with pytest.raises(ValueError, match="vectors are"):
        ExactSearch(stored)
    with pytest.raises(ValueError, match="block"):
        ExactSearch(np.ones((2, 2), np.float32), block=0)
