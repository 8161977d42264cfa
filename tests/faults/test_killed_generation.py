"""Generating codes is killed, for real, and goes on to the bytes of a run that never was."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def start(folder, seconds_a_chunk):
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("generation_run.py")), str(folder),
         str(seconds_a_chunk)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
        stderr=subprocess.PIPE, text=True)


def finish(process):
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors


def chunks_of(folder):
    """name -> when it was written."""
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("chunks/chunk-*.npz")}


def test_a_run_killed_again_and_again_ends_with_the_bytes_of_one_that_was_not(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finish(start(whole, 0))
    for _ in range(3):
        before = chunks_of(killed)
        process = start(killed, 0.2)
        deadline = time.monotonic() + 100
        while len(chunks_of(killed)) < len(before) + 2:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline, "the run does not get on"
            time.sleep(0.005)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL and not (killed / "generated").exists()
        assert before.items() <= chunks_of(killed).items(), "what was done stays as it is"
    before = chunks_of(killed)
    finish(start(killed, 0))
    assert 6 <= len(before) < len(chunks_of(killed)) == len(chunks_of(whole))
    assert before.items() <= chunks_of(killed).items()
    for file in (whole / "generated").iterdir():
        assert file.read_bytes() == (killed / "generated" / file.name).read_bytes()
