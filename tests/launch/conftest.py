"""Checkouts whose launch scripts meet fakes of the cloud's programs."""

import pytest

from gram_jax.testing.launch_checkout import Checkout, make_checkout


@pytest.fixture(scope="session")
def shared_checkout(tmp_path_factory) -> Checkout:
    """One for all tests that only print."""
    return make_checkout(tmp_path_factory.mktemp("one checkout"))


@pytest.fixture
def checkout(tmp_path) -> Checkout:
    """One for a test that changes it or lets its scripts call the fakes."""
    return make_checkout(tmp_path / "my checkout")
