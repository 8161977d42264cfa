"""On several devices texts get the codes that they get on one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def found():
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("generation_runs.py"))],
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu",
             "XLA_FLAGS": "--xla_force_host_platform_device_count=4"},
        capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("mesh", ["data", "fsdp", "all"])
def test_every_mesh_generates_what_one_device_generates(found, mesh):
    assert found["num_devices"] == 4 and found["generated"] == 29 * 4
    assert found[mesh]["same_codes"] and found[mesh]["gap"] < 1e-4


def test_a_batch_that_cannot_be_split_evenly_is_refused(found):
    assert "6 does not divide by the 4 devices" in found["refusal"]
