"""Codewords are given out evenly, at about the least cost, by the plan of the equation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from gram_jax.baselines.balanced_assignment import balanced_assignment, sinkhorn


def costs_of(seed, num_products, num_codewords, *, skew=1.0):
    """Random costs, of which a few codewords are everybody's favourites."""
    rng = np.random.default_rng(seed)
    return rng.random((num_products, num_codewords)) + skew * rng.random(num_codewords)


def least_balanced_cost(costs):
    """By the exact solver: a codeword's places, of which those above the floor may stay free."""
    num_products, num_codewords = costs.shape
    floor, num_extra = divmod(num_products, num_codewords)
    places = np.concatenate([costs] * floor + [costs] * (num_extra > 0), axis=1)
    # What fills the places that stay free may not take those that have to be used.
    idle = np.concatenate([np.full((places.shape[1] - num_products, floor * num_codewords), 1e6),
                           np.zeros((places.shape[1] - num_products,
                                     num_codewords * (num_extra > 0)))], axis=1)
    square = np.concatenate([places, idle])
    rows, columns = linear_sum_assignment(square)
    return square[rows, columns].sum()


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 12), st.sampled_from([0, 1, 50]))
def test_no_codeword_is_given_more_than_once_oftener_than_another(
        seed, num_products, num_codewords, skew):
    chosen = balanced_assignment(costs_of(seed, num_products, num_codewords, skew=skew))
    counts = np.bincount(chosen, minlength=num_codewords)
    assert chosen.dtype == np.int32 and len(counts) == num_codewords
    assert counts.max() - counts.min() <= 1


@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 12))
def test_the_cost_is_about_the_least_that_is_balanced(seed, num_products, num_codewords):
    costs = costs_of(seed, num_products, num_codewords)
    found = costs[np.arange(num_products), balanced_assignment(costs)].sum()
    assert found <= least_balanced_cost(costs) + 0.01 * num_products * np.ptp(costs) + 1e-9


def test_where_the_cheapest_are_balanced_they_are_taken():
    costs = 1.0 - np.eye(5)[[3, 1, 0, 4]]
    assert balanced_assignment(costs).tolist() == [3, 1, 0, 4]


def test_equal_products_take_the_cheapest_codewords_together():
    costs = np.tile(np.array([5.0, 1.0, 2.0, 3.0, 9.0]), (3, 1))
    assert sorted(balanced_assignment(costs).tolist()) == [1, 2, 3]


@given(st.integers(0, 10**6), st.floats(-5, 5), st.floats(0.01, 100))
def test_units_of_the_costs_do_not_matter(seed, shift, scale):
    costs = costs_of(seed, 9, 5)
    np.testing.assert_array_equal(balanced_assignment(costs),
                                  balanced_assignment(costs * scale + shift))


@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(1, 8), st.floats(0.05, 2.0))
def test_the_plan_is_that_of_scaling_rows_and_columns_in_turn(seed, num_rows, num_columns, epsilon):
    rng = np.random.default_rng(seed)
    costs = rng.random((num_rows, num_columns))
    row_masses, column_masses = rng.random(num_rows) + 0.1, rng.random(num_columns) + 0.1
    column_masses *= row_masses.sum() / column_masses.sum()
    plan = np.exp(sinkhorn(costs, row_masses, column_masses, epsilon=epsilon,
                           num_iterations=10_000, tolerance=1e-12))
    np.testing.assert_allclose(plan.sum(axis=1), row_masses, rtol=1e-9)
    np.testing.assert_allclose(plan.sum(axis=0), column_masses, rtol=1e-6)

    # P = diag(u) K diag(v) with K = exp(-costs / epsilon), as Cuturi writes it.
    kernel, v = np.exp(-costs / epsilon), np.ones(num_columns)
    for _ in range(10_000):
        before, u = v, row_masses / (kernel @ v)
        v = column_masses / (kernel.T @ u)
        if np.allclose(v, before, rtol=1e-13, atol=0):
            break
    np.testing.assert_allclose(plan, u[:, None] * kernel * v, rtol=1e-5)


def test_what_is_forbidden_gets_nothing_and_a_low_temperature_does_not_underflow():
    costs = np.array([[0.0, 1000.0], [0.0, np.inf]])
    plan = np.exp(sinkhorn(costs, np.ones(2), np.ones(2), epsilon=0.001))
    np.testing.assert_allclose(plan, [[0, 1], [1, 0]], atol=0.02)


@pytest.mark.parametrize("costs", [np.zeros(3), np.zeros((3, 0)), np.full((2, 2), np.nan)])
def test_what_are_no_costs_is_refused(costs):
    with pytest.raises(ValueError, match="not finite numbers"):
        balanced_assignment(costs)


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="epsilon=0"):
        balanced_assignment(np.zeros((2, 2)), epsilon=0)
