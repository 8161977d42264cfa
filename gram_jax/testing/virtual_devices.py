"""Several devices on one CPU, in a process of its own, because JAX counts its devices once."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]


def run_on_four_devices(script: Path, *arguments: object) -> Any:
    """`run_on_devices` with four of them."""
    return run_on_devices(4, script, *arguments)


def run_on_devices(num_devices: int, script: Path, *arguments: object) -> Any:
    """Runs a script that ends with printing a line of JSON, and returns what the line says.

    Programs are compiled with few optimisations, because compiling them is most of such a run.
    """
    done = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(_ROOT), "JAX_PLATFORMS": "cpu",
             "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
             "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} "
                          f"--xla_force_host_platform_device_count={num_devices}"},
        capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])
