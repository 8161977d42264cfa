"""The distributions parameters start from have the deviation they name."""

import numpy as np
import pytest

from gram_jax.nn.parameter import Initial


@pytest.mark.parametrize(
    ("distribution", "bound"),
    [("normal", np.inf), ("truncated_normal", 2.2737), ("uniform", 3**0.5)],
)
def test_mean_deviation_and_bound(distribution, bound):
    values = Initial(distribution, 0.5).draw(np.random.default_rng(0), (300, 400))
    assert values.dtype == np.float32 and values.shape == (300, 400)
    np.testing.assert_allclose(values.mean(), 0.0, atol=0.01)
    np.testing.assert_allclose(values.std(), 0.5, rtol=0.01)
    assert np.abs(values).max() <= 0.5 * bound * 1.001


@pytest.mark.parametrize(("distribution", "value"), [("ones", 1.0), ("zeros", 0.0)])
def test_constants_are_what_they_say(distribution, value):
    found = Initial(distribution).draw(np.random.default_rng(0), (3,))
    assert found.dtype == np.float32 and (found == value).all()
