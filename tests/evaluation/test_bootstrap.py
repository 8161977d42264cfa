import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gram_jax.evaluation.bootstrap import WAYS, mean_intervals


def skewed(seed, rows=80):
    """Figures as retrieval has them: many at 0, some at 1, the rest between."""
    rng = np.random.default_rng(seed)
    return np.clip(rng.normal(0.2, 0.5, (rows, 3)), 0, 1)


@pytest.mark.parametrize("way, scipys", [("bca", "BCa"), ("percentile", "percentile")])
@pytest.mark.parametrize("rows", [12, 40])
def test_intervals_are_those_of_scipy(way, scipys, rows):
    # Of 200,000 draws an end is known to 0.01 standard errors of the mean, in each library.
    columns = skewed(rows, rows)
    low, high = mean_intervals(columns, num_samples=200_000, way=way)
    for at, column in enumerate(columns.T):
        expected = stats.bootstrap((column,), np.mean, n_resamples=200_000, method=scipys,
                                   batch=20_000,
                                   rng=np.random.default_rng(1)).confidence_interval
        spread = column.std() / np.sqrt(rows)
        assert low[at] == pytest.approx(expected.low, abs=0.06 * spread)
        assert high[at] == pytest.approx(expected.high, abs=0.06 * spread)


def test_an_interval_holds_the_true_mean_about_as_often_as_it_says():
    held = []
    for seed in range(150):
        low, high = mean_intervals(np.random.default_rng(seed).random((40, 2)), num_samples=400,
                                   confidence=0.9, seed=seed)
        held.append((low <= 0.5) & (high >= 0.5))
    assert 0.85 < np.mean(held) < 0.95


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.1, 1 / 3, 1.0]), min_size=1, max_size=12),
       st.sampled_from(WAYS))
def test_an_interval_lies_among_the_values_and_is_a_point_where_all_are_equal(values, way):
    low, high = mean_intervals(np.array(values)[:, None], num_samples=200, way=way)
    assert min(values) - 1e-12 <= low[0] <= high[0] <= max(values) + 1e-12
    if len(set(values)) == 1:
        assert low[0] == pytest.approx(high[0]) == pytest.approx(values[0])


def test_more_confidence_is_wider_and_the_seed_decides():
    columns = skewed(3)
    narrow, wide = (mean_intervals(columns, confidence=share) for share in (0.5, 0.99))
    assert (wide[0] < narrow[0]).all()
    assert (wide[1] > narrow[1]).all()
    np.testing.assert_array_equal(mean_intervals(columns), mean_intervals(columns))
    assert (mean_intervals(columns, seed=1)[0] != mean_intervals(columns)[0]).any()


def test_without_queries_or_with_another_way_it_says_so():
    with pytest.raises(ValueError, match="no query"):
        mean_intervals(np.zeros((0, 2)))
    with pytest.raises(ValueError, match="'normal' is none of bca, percentile"):
        mean_intervals(np.zeros((2, 2)), way="normal")
