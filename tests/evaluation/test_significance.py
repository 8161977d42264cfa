import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gram_jax.evaluation.significance import holm, paired_randomisation, randomisation_p_values


def exact_p_value(differences):
    sums = [abs(np.dot(signs, differences))
            for signs in itertools.product((-1, 1), repeat=len(differences))]
    return np.mean(np.array(sums) >= abs(sum(differences)) - 1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_the_p_value_is_the_share_of_all_swaps_at_least_as_extreme(seed):
    rng = np.random.default_rng(seed)
    figures = dict(enumerate(rng.random(10).tolist()))
    baseline = dict(enumerate(rng.random(10).tolist()))
    differences = [figures[i] - baseline[i] for i in figures]
    found = paired_randomisation(figures, baseline)
    assert found == pytest.approx(exact_p_value(differences), abs=1e-12)
    assert found == paired_randomisation(baseline, figures)


def test_drawn_swaps_come_near_all_swaps():
    rng = np.random.default_rng(5)
    figures = np.round(rng.random((3, 12, 2)), 1)  # rounded: many ties
    every = randomisation_p_values(figures, num_samples=5000)
    drawn = randomisation_p_values(figures, num_samples=4000)
    np.testing.assert_allclose(drawn, every, atol=0.03)
    assert (drawn > 0).all()


def test_all_pairs_at_once_are_those_of_scipy():
    rng = np.random.default_rng(6)
    figures = np.round(rng.random((3, 9, 2)), 2)
    found = randomisation_p_values(figures)
    for one, other, measure in itertools.product(range(3), range(3), range(2)):
        expected = stats.permutation_test(
            (figures[one, :, measure], figures[other, :, measure]),
            lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=np.inf).pvalue
        # scipy doubles the smaller tail; the swaps are symmetric, so that is the same.
        assert found[one, other, measure] == pytest.approx(min(expected, 1.0))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(0, 30), st.integers(0, 2), st.integers(0, 99))
def test_p_values_are_symmetric_and_a_method_does_not_differ_from_itself(methods, queries,
                                                                         measures, seed):
    figures = np.random.default_rng(seed).integers(0, 2, (methods, queries, measures)) / 1
    found = randomisation_p_values(figures, num_samples=300)
    assert found.shape == (methods, methods, measures)
    np.testing.assert_array_equal(found, found.transpose(1, 0, 2))
    assert (found[np.arange(methods), np.arange(methods)] == 1).all()
    assert ((found > 0) & (found <= 1)).all()


def test_equal_methods_do_not_differ_and_a_constant_gain_does():
    figures = {f"q{i}": i / 100 for i in range(50)}
    assert paired_randomisation(figures, figures) == 1.0
    assert paired_randomisation({q: v + 0.1 for q, v in figures.items()}, figures) < 0.001


def test_different_queries_are_refused():
    with pytest.raises(ValueError, match="same queries"):
        paired_randomisation({"a": 1.0}, {"b": 1.0})


def holm_by_steps(p_values, level):
    """Holm's procedure as he wrote it: reject the smallest while it is small enough."""
    rejected = set()
    for step, at in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[at] >= level / (len(p_values) - step):
            break
        rejected.add(int(at))
    return rejected


@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0.001, 0.999))
def test_a_corrected_p_value_is_below_a_level_where_holms_steps_reject(p_values, level):
    corrected = holm(np.array(p_values))
    factors = np.arange(len(p_values), 0, -1)
    edge = np.abs(np.sort(p_values) * factors - level) < 1e-9
    if not edge.any():  # where a product rounds across the level both readings are right
        assert set(np.flatnonzero(corrected < level).tolist()) == holm_by_steps(p_values, level)
    assert (corrected >= np.array(p_values) - 1e-12).all()


def test_holm_on_an_example_worked_by_hand():
    np.testing.assert_allclose(holm(np.array([[0.01, 0.04], [0.03, 0.005]])),
                               [[0.03, 0.06], [0.06, 0.02]])


def test_holm_is_that_of_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p_values = np.random.default_rng(0).random(20) ** 3
    np.testing.assert_allclose(holm(p_values),
                               multitest.multipletests(p_values, method="holm")[1])
