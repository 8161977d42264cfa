"""On several devices texts get the codes that they get on one."""

from pathlib import Path

import pytest

from gram_jax.testing.virtual_devices import run_on_four_devices


@pytest.fixture(scope="module")
def found():
    return run_on_four_devices(Path(__file__).with_name("generation_runs.py"))


@pytest.mark.parametrize("mesh", ["data", "fsdp", "all"])
def test_every_mesh_generates_what_one_device_generates(found, mesh):
    assert found["num_devices"] == 4 and found["generated"] == 29 * 4
    assert found[mesh]["same_codes"] and found[mesh]["gap"] < 1e-4


def test_a_batch_that_cannot_be_split_evenly_is_refused(found):
    assert "6 does not divide by the 4 devices" in found["refusal"]
