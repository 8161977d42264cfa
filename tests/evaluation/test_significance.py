import itertools

import numpy as np
import pytest

from gram_jax.evaluation.significance import paired_randomisation


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
    assert found == pytest.approx(exact_p_value(differences), abs=0.02)
    assert found == paired_randomisation(baseline, figures)


def test_equal_methods_do_not_differ_and_a_constant_gain_does():
    figures = {f"q{i}": i / 100 for i in range(50)}
    assert paired_randomisation(figures, figures) == 1.0
    assert paired_randomisation({q: v + 0.1 for q, v in figures.items()}, figures) < 0.001


def test_different_queries_are_refused():
    with pytest.raises(ValueError, match="same queries"):
        paired_randomisation({"a": 1.0}, {"b": 1.0})
