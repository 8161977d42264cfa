"""Buckets of distance: T5's, by a reading in plain Python."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.nn.relative_position import RelativePositionBias, relative_position_bucket


def in_python(relative, bidirectional, num_buckets, max_distance):
    first, distance = 0, -relative
    if bidirectional:
        num_buckets //= 2
        first, distance = (num_buckets if relative > 0 else 0), abs(relative)
    distance = max(distance, 0)
    exact = num_buckets // 2
    if distance < exact:
        return first + distance
    share = math.log(distance / exact) / math.log(max_distance / exact)
    return first + min(exact + math.floor(share * (num_buckets - exact) + 1e-9), num_buckets - 1)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("num_buckets", "max_distance"), [(32, 128), (8, 20), (4, 3)])
def test_every_distance_has_the_bucket_of_the_formula(bidirectional, num_buckets, max_distance):
    relative = np.arange(-300, 301)
    found = relative_position_bucket(
        jnp.asarray(relative), bidirectional=bidirectional, num_buckets=num_buckets,
        max_distance=max_distance,
    )
    expected = [in_python(r, bidirectional, num_buckets, max_distance) for r in relative.tolist()]
    np.testing.assert_array_equal(found, expected)


@given(st.integers(-500, 500))
def test_a_causal_bias_tells_no_future_distances_apart(relative):
    bucket = relative_position_bucket(
        jnp.asarray([relative]), bidirectional=False, num_buckets=32, max_distance=128
    )
    assert (bucket[0] == 0) == (relative >= 0)


def test_bias_depends_on_distance_alone():
    bias = RelativePositionBias(3, num_buckets=32, max_distance=128, bidirectional=True)
    table = np.random.default_rng(0).normal(size=(3, 32)).astype(np.float32)
    bias.rel_embedding.set_value(jnp.asarray(table))
    found = bias(jnp.arange(5), jnp.arange(7))
    shifted = bias(jnp.arange(5) + 11, jnp.arange(7) + 11)
    assert found.shape == (1, 3, 5, 7)
    np.testing.assert_array_equal(found, shifted)
    np.testing.assert_allclose(found[0, :, 2, 2], table[:, 0], rtol=1e-6)
    np.testing.assert_allclose(found[0, :, 0, 3], table[:, 19], rtol=1e-6)
