"""`gram train` that is killed, or asked to end, and started again ends as one that never was."""

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from gram_jax.testing.gram_command import finish_gram, start_gram

SETTINGS = ["--gin_file=gin/experiments/quickstart.gin",
            "--gin_file=gin/experiments/quickstart_pulse.gin",
            "--gin.NUM_STEPS=60", "--gin.ModelConfig.dropout_rate=0.1"]


def start(command: str, workdir: Path, *options: str) -> subprocess.Popen:
    return start_gram(command, *options, *SETTINGS, f"--workdir={workdir}")


def wait_for_checkpoints(workdir: Path, process: subprocess.Popen, count: int) -> None:
    """Until so many checkpoints have been seen by name, complete or not."""
    folder, seen = workdir / "train.unfinished" / "checkpoints", set()
    deadline = time.monotonic() + 200
    while len(seen) < count and time.monotonic() < deadline and process.poll() is None:
        seen |= {path.name for path in folder.glob("[0-9]*")}
        time.sleep(0.01)
    assert len(seen) >= count, "the run ended before it could be interrupted"


@pytest.mark.timeout(600)
def test_kills_and_signals_change_nothing(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    finish_gram(start("run", whole, "--until=vocabulary"))
    shutil.copytree(whole, broken)

    run = start("train", broken)
    wait_for_checkpoints(broken, run, 1)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    assert not (broken / "train").exists()

    run = start("train", broken)
    wait_for_checkpoints(broken, run, 2)
    run.send_signal(signal.SIGTERM)
    _, said = run.communicate(timeout=200)
    assert run.returncode == 75 and "going on where it stopped" in said, said

    assert "going on where it stopped" in finish_gram(start("train", broken)).stderr
    finish_gram(start("train", whole))
    one, other = ((folder / "train" / "params.npz").read_bytes() for folder in (whole, broken))
    assert one == other
    steps = [json.loads(line)["step"]
             for line in (broken / "train" / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps)) and steps[-1] == 60
