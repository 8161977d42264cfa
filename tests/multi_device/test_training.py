"""On several devices training does what it does on one."""

from pathlib import Path

import pytest

from gram_jax.testing.virtual_devices import run_on_four_devices


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return run_on_four_devices(Path(__file__).with_name("training_runs.py"),
                               tmp_path_factory.mktemp("runs"))


@pytest.mark.parametrize("mesh", ["data", "fsdp", "all"])
def test_every_mesh_gives_the_params_of_one_device(found, mesh):
    assert found["num_devices"] == 4
    assert found["way"] > 0.01
    assert found[mesh]["gap"] < 1e-5


@pytest.mark.parametrize("mesh, share", [("data", 1), ("fsdp", 1 / 4), ("all", 1 / 4)])
def test_params_and_their_moments_are_split_as_the_mesh_says(found, mesh, share):
    assert found[mesh]["share"] == found[mesh]["moment_share"] == share


def test_a_checkpoint_of_one_mesh_goes_on_on_another(found):
    assert found["moved"]["gap"] < 1e-5


def test_microbatches_go_over_all_devices(found):
    assert found["parts"] == {"steps": 1}
