"""On several devices queries are answered as on one."""

from pathlib import Path

import pytest

from gram_jax.testing.virtual_devices import run_on_four_devices


@pytest.fixture(scope="module")
def found():
    return run_on_four_devices(Path(__file__).with_name("retrieve_runs.py"))


@pytest.mark.parametrize("mesh", ["data", "fsdp", "all"])
def test_every_mesh_finds_what_one_device_finds(found, mesh):
    assert found["num_devices"] == 4 and found["reached"] > 50
    assert found[mesh]["same_products"] and found[mesh]["same_codes"]
    assert found[mesh]["gap"] < 1e-4
