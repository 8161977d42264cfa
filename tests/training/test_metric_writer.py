import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.training.metric_writer import (
    JsonlMetricWriter,
    MetricWriters,
    TensorBoardMetricWriter,
)


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@given(st.lists(st.integers(1, 40), unique=True).map(sorted), st.integers(0, 40),
       st.integers(0, 60))
def test_after_going_on_no_step_is_listed_twice(tmp_path_factory, steps, restored, torn):
    """Whatever a killed run had written, rows end up as if it had stopped at the restored step."""
    path = tmp_path_factory.mktemp("metrics") / "train.jsonl"
    writer = JsonlMetricWriter(path)
    writer.start(0)
    for step in steps:
        writer.write(step, {"loss": step / 3})
    writer.close()
    whole = path.read_text()
    path.write_text(whole[:len(whole) - torn] if torn else whole)
    survived = [row["step"] for row in map(_parsed, path.read_text().splitlines()) if row]

    writer.start(restored)
    writer.write(restored + 1, {"loss": 0.5})
    writer.close()
    expected = [step for step in survived if step <= restored] + [restored + 1]
    assert [row["step"] for row in rows(path)] == expected


def _parsed(line):
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and "step" in row else None


def test_rows_are_on_disk_at_once(tmp_path):
    writer = JsonlMetricWriter(tmp_path / "train.jsonl")
    writer.start(0)
    writer.write(1, {"loss": 2.0})
    assert rows(tmp_path / "train.jsonl") == [{"step": 1, "loss": 2.0}]
    writer.close()
    writer.close()


@pytest.mark.parametrize("garbage", ["\x00\xff\n", "[1]\n", "{}\n", '"step"\n'])
def test_rows_that_are_none_end_the_file(tmp_path, garbage):
    path = tmp_path / "train.jsonl"
    path.write_bytes(b'{"step": 1}\n' + garbage.encode("latin-1"))
    writer = JsonlMetricWriter(path)
    writer.start(5)
    writer.close()
    assert rows(path) == [{"step": 1}]


def test_tensorboard_gets_every_scalar_and_its_thread_ends(tmp_path):
    threads = set(threading.enumerate())
    writer = TensorBoardMetricWriter(tmp_path)
    writer.start(0)
    writer.write(1, {"loss": 2.0, "tune/accuracy": 0.5})
    writer.close()
    writer.close()
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"loss" in data and b"tune/accuracy" in data
    for thread in set(threading.enumerate()) - threads:
        thread.join(timeout=10)
        assert not thread.is_alive()


def test_several_writers_get_the_same(tmp_path):
    writers = MetricWriters([JsonlMetricWriter(tmp_path / name) for name in ("a", "b")])
    writers.start(0)
    writers.write(3, {"loss": 1.0})
    writers.close()
    assert rows(tmp_path / "a") == rows(tmp_path / "b") == [{"step": 3, "loss": 1.0}]
