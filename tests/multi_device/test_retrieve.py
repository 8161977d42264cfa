"""On several devices queries are answered as on one."""

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
        [sys.executable, str(Path(__file__).with_name("retrieve_runs.py"))],
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu",
             "XLA_FLAGS": "--xla_force_host_platform_device_count=4"},
        capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("mesh", ["data", "fsdp", "all"])
def test_every_mesh_finds_what_one_device_finds(found, mesh):
    assert found["num_devices"] == 4 and found["reached"] > 50
    assert found[mesh]["same_products"] and found[mesh]["same_codes"]
    assert found[mesh]["gap"] < 1e-4
