import numpy as np
import pytest

from gram_jax.core.errors import ConfigError
from gram_jax.retrieval.buckets import Buckets


def test_buckets_go_up_to_the_largest_batch_and_down_from_the_longest_query():
    assert Buckets.within(16, 24) == Buckets((1, 4, 16), (12, 24))
    assert Buckets.within(1, 8) == Buckets((1,), (8,))
    assert Buckets.within(6, 64) == Buckets((1, 4, 6), (8, 16, 32, 64))


def test_rows_take_the_smallest_bucket_that_holds_them():
    buckets = Buckets((1, 4), (2, 8))
    assert buckets.pad(np.zeros((1, 30), np.int32)).shape == (1, 2)
    assert buckets.pad(np.array([[1, 1, 1, 0]])).shape == (1, 8)
    assert buckets.pad(np.array([[1, 1, 0, 0], [1, 0, 0, 0]])).shape == (4, 2)
    ready = {(4, 8), (1, 8)}
    assert buckets.pad(np.zeros((1, 30), np.int32), ready).shape == (1, 8)
    assert buckets.pad(np.ones((2, 1), np.int32), ready).shape == (4, 8)
    assert buckets.pad(np.ones((2, 1), np.int32), {(1, 8)}).shape == (4, 2)
    with pytest.raises(ConfigError, match="5 queries of a batch"):
        buckets.pad(np.ones((5, 2), np.int32))
    with pytest.raises(ConfigError, match="9 tokens of a query"):
        buckets.pad(np.ones((1, 9), np.int32))
