"""Training is killed, for real, and goes on to the params of a run that never was."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
NUM_STEPS = 60


def start(folder, seconds_a_step):
    folder.mkdir(exist_ok=True)
    (folder / "step").unlink(missing_ok=True)
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("training_run.py")), str(folder),
         str(NUM_STEPS), str(seconds_a_step)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
        stderr=subprocess.PIPE, text=True)


def step_of(folder):
    try:
        return int((folder / "step").read_text())
    except (FileNotFoundError, ValueError):
        return 0


def wait_for_step(process, folder, step):
    deadline = time.monotonic() + 200
    while step_of(folder) < step:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, "the run does not get on"
        time.sleep(0.005)


def finish(process):
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors


def saved_steps(folder):
    return sorted(int(path.name) for path in (folder / "checkpoints").glob("[0-9]*"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing happened to."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    finish(start(folder, 0))
    return folder


def assert_same(folder, whole):
    with np.load(folder / "final.npz") as ours, np.load(whole / "final.npz") as theirs:
        assert set(ours.files) == set(theirs.files)
        for name in ours.files:
            assert ours[name].tobytes() == theirs[name].tobytes(), name
    rows, expected = ([json.loads(line) for line in (path / "train.jsonl").read_text().splitlines()]
                      for path in (folder, whole))
    assert [row["step"] for row in rows] == [row["step"] for row in expected]


def test_a_run_killed_again_and_again_ends_with_the_params_of_one_that_was_not(whole):
    """The moments fall anywhere: between checkpoints, while one is written or swept away."""
    folder, moments = whole.parent / "killed", random.Random(0)
    step, kills = 0, 0
    while step < NUM_STEPS - 15:
        process = start(folder, 0.03)
        wait_for_step(process, folder, step + moments.randint(2, 18))
        time.sleep(moments.random() * 0.1)
        process.kill()
        process.wait()
        kills += 1
        assert process.returncode == -signal.SIGKILL
        step = step_of(folder)
    assert kills >= 3 and not (folder / "final.npz").exists()
    finish(start(folder, 0))
    assert_same(folder, whole)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_told_to_end_saves_its_last_step_and_goes_on_from_it(whole, number):
    folder = whole.parent / f"ended-{number}"
    process = start(folder, 0.05)
    wait_for_step(process, folder, 10)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number, errors
    last = step_of(folder)
    assert saved_steps(folder)[-1] == last
    assert f"saved at step {last}" in errors and "Traceback" not in errors
    finish(start(folder, 0))
    assert_same(folder, whole)
