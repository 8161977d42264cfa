"""On several devices training does what it does on one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("training_runs.py")),
         str(tmp_path_factory.mktemp("runs"))],
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu",
             "XLA_FLAGS": "--xla_force_host_platform_device_count=4"},
        capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


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
