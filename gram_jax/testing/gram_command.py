"""The command `gram` in a process of its own, as a user starts it.

But for one thing: programs are compiled with few optimisations, because compiling them is most of
what a small run costs. `.ci/run` runs the pulse quickstart as users have it.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout, against which the names of gin files are read."""


def gram(*arguments: object, code: int = 0) -> subprocess.CompletedProcess:
    """Runs it to its end and asserts its exit code."""
    done = subprocess.run([sys.executable, "-m", "gram_jax.cli", *map(str, arguments)], cwd=ROOT,
                          capture_output=True, text=True, timeout=280,
                          env={**os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"})
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done
