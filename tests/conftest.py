"""What every test may use: the real data where it lies, and hypothesis settings."""

import os
from pathlib import Path

import hypothesis
import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

# Compilation inside a property makes the first example slow and the rest fast: no deadline.
hypothesis.settings.register_profile(
    "gram", max_examples=50, deadline=None, derandomize=True, print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("gram")

# Most of the suite's time goes into compiling small programs. XLA's older emitters take a third of
# the time that its newer ones take; processes that tests start have them too. `.ci/run` runs the
# pulse quickstart as users have it.
os.environ["XLA_FLAGS"] = (
    f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_use_fusion_emitters=false".strip())
jax.config.update("jax_disable_most_optimizations", True)

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="module", autouse=True)
def _programs_go_with_their_tests():
    """Every compiled program keeps memory mappings, of which a process may have some 65,000.

    Who answers from a workdir also keeps programs on disk, which is no business of other tests.
    """
    yield
    jax.clear_caches()
    if jax.config.jax_compilation_cache_dir is not None:
        jax.config.update("jax_compilation_cache_dir", None)
        compilation_cache.reset_cache()


@pytest.fixture(scope="session")
def data_folder():
    """name -> its folder of real data, or a skip that says what is missing."""
    def folder(name: str) -> Path:
        if not (_DATA / name).is_dir():
            pytest.skip(f"this real data is not beside the checkout (../shared/data/{name})")
        return _DATA / name

    return folder


@pytest.fixture(scope="session")
def home_depot_folder(data_folder) -> Path:
    """The Home Depot files, or a skip that says what is missing."""
    return data_folder("home_depot")
