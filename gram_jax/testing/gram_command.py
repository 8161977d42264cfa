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


def start_gram(*arguments: object) -> subprocess.Popen:
    """Starts it and hands back the process, with pipes of text."""
    return subprocess.Popen([sys.executable, "-m", "gram_jax.cli", *map(str, arguments)], cwd=ROOT,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"})


def finish_gram(process: subprocess.Popen, *, code: int = 0) -> subprocess.CompletedProcess:
    """Waits for its end and asserts its exit code."""
    try:
        stdout, stderr = process.communicate(timeout=280)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == code, f"exit {process.returncode}\n{stdout}\n{stderr}"
    return subprocess.CompletedProcess(process.args, code, stdout, stderr)


def gram(*arguments: object, code: int = 0) -> subprocess.CompletedProcess:
    """Runs it to its end and asserts its exit code."""
    return finish_gram(start_gram(*arguments), code=code)
