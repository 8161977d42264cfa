"""The retrieve program compiles for TPUs that are not there; runs where libtpu is installed."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gram_jax.core.errors import ConfigError
from gram_jax.serving.topology_costs import Chip, Cost, chip_of, topology_devices

ROOT = Path(__file__).resolve().parents[2]
CHIP = Chip("toy", bf16_flops_per_second=10.0, hbm_bytes=100.0, hbm_bytes_per_second=2.0)
has_libtpu = importlib.util.find_spec("libtpu") is not None
needs_libtpu = pytest.mark.skipif(not has_libtpu, reason="libtpu (extra 'tpu') is not installed")


def compile_for(topology, *arguments, code=0):
    """`gram compile`, in a process of its own: libtpu stays in the one that loads it."""
    done = subprocess.run(
        [sys.executable, "-m", "gram_jax.cli", "compile", f"--topology={topology}",
         "--gin_file=gin/experiments/quickstart.gin", "--num_codes=5000", "--num_postings=40000",
         "--num_candidates=2000", *arguments], cwd=ROOT, capture_output=True, text=True,
        timeout=280, env=os.environ | {"JAX_PLATFORMS": "cpu"})
    assert done.returncode == code, done.stderr[-3000:]
    return done


def test_the_roofline_is_the_slower_of_arithmetic_and_memory():
    assert Cost(20, 2).seconds(CHIP) == 2 and Cost(20, 2).bound(CHIP) == "arithmetic"
    assert Cost(20, 8).seconds(CHIP) == 4 and Cost(20, 8).bound(CHIP) == "memory"
    assert Cost(1, 2) + Cost(3, 4) * 2 == Cost(7, 10)
    assert Cost(5, 5).less(Cost(2, 6)) == Cost(3, 0)


def test_a_chip_without_known_peaks_is_refused():
    class Device:
        device_kind = "TPU v99"

    with pytest.raises(ConfigError, match="TPU v5 lite"):
        chip_of(Device())


@pytest.mark.skipif(has_libtpu, reason="libtpu is installed")
def test_without_libtpu_the_remedy_is_named():
    with pytest.raises(ConfigError, match=r"gram-jax\[tpu\]"):
        topology_devices("v5e:2x2")


@needs_libtpu
def test_an_unknown_topology_is_refused():
    assert "topology 'v5e:9x9x9'" in compile_for("v5e:9x9x9", code=2).stderr


@needs_libtpu
@pytest.mark.parametrize("topology, chip", [("v5e:4x4", "v5e"), ("v6e:4x4", "v6e")])
def test_one_chip_and_all_of_them_compile(topology, chip):
    alone, together = json.loads(compile_for(topology, "--json").stdout)
    assert [alone["chips"], together["chips"]] == [1, 16]
    assert [alone["batch_size"], together["batch_size"]] == [8, 128]
    for costs in (alone, together):
        assert costs["chip"] == chip and costs["bound"] in ("arithmetic", "memory")
        assert 0 < costs["memory_bytes_a_chip"] < costs["hbm_bytes_a_chip"]
        assert costs["flops_a_chip"] > 0 and costs["bytes_a_chip"] > 0
        assert costs["roofline_ms"] == pytest.approx(sum(costs["parts_ms"].values()))
    # Params and index are on every chip, and each has its own queries.
    assert together["argument_bytes_a_chip"] == alone["argument_bytes_a_chip"]


@needs_libtpu
def test_params_may_be_split_over_chips():
    alone, split = json.loads(compile_for("v5e:2x2", "--json", "--model=2", "--fsdp=2").stdout)
    assert split["batch_size"] == 16
    assert split["argument_bytes_a_chip"] < alone["argument_bytes_a_chip"]
