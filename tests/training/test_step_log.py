import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.core.errors import TrainingError
from gram_jax.training.step_log import StepLog
from gram_jax.training.throughput import Throughput, Work
from gram_jax.training.train_step import StepMetrics


class Rows:
    def __init__(self):
        self.rows = []

    def write(self, step, metrics):
        self.rows.append((step, dict(metrics)))


def metrics(loss, grad_norm=1.0):
    return StepMetrics(("loss", "grad_norm"), np.array([loss, grad_norm], np.float32))


@given(log_every=st.integers(1, 7), start=st.integers(0, 9), num_steps=st.integers(10, 25),
       flushed=st.sets(st.integers(1, 25)))
def test_rows_are_the_means_of_their_windows_whenever_values_are_pulled(
    log_every, start, num_steps, flushed
):
    writer = Rows()
    log = StepLog(writer, log_every=log_every, step=start, num_steps=num_steps)
    for step in range(start + 1, num_steps + 1):
        log.add(step, (), metrics(step))
        if step in flushed:
            log.flush()
    log.flush()
    ends = [s for s in range(start + 1, num_steps + 1) if s % log_every == 0 or s == num_steps]
    assert [step for step, _ in writer.rows] == ends
    for before, (step, row) in zip([start, *ends], writer.rows):
        assert row["loss"] == pytest.approx(np.mean(range(before + 1, step + 1)))
        assert row["steps_per_second"] > 0


def test_a_step_that_is_not_finite_is_named_with_its_own_examples():
    log = StepLog(Rows(), log_every=10, step=0, num_steps=10)
    for step in range(1, 6):
        log.add(step, (f"a{step}", f"b{step}"), metrics(np.nan if step == 3 else 1.0))
    with pytest.raises(TrainingError, match=r"step 3: loss is nan(.|\n)*: a3, b3$"):
        log.flush()


@pytest.mark.parametrize("grad_norm", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_stops_as_well(grad_norm):
    log = StepLog(Rows(), log_every=1, step=0, num_steps=10)
    log.add(1, ("a",), metrics(1.0, grad_norm))
    with pytest.raises(TrainingError, match="step 1: grad_norm"):
        log.flush()


def test_a_note_joins_the_row_of_its_step_or_makes_one():
    writer = Rows()
    log = StepLog(writer, log_every=2, step=0, num_steps=4)
    for step in range(1, 5):
        log.add(step, (), metrics(1.0))
        log.note(step, {"tune/loss": step} if step in (1, 2) else None)
    log.flush()
    assert [(step, sorted(row)) for step, row in writer.rows] == [
        (1, ["tune/loss"]), (2, ["grad_norm", "loss", "steps_per_second", "tune/loss"]),
        (4, ["grad_norm", "loss", "steps_per_second"])]


def test_adding_waits_for_nothing_before_a_row_is_due():
    log = StepLog(Rows(), log_every=3, step=0, num_steps=9)
    unpullable = StepMetrics(("loss", "grad_norm"), jnp.ones(2))
    unpullable.values.delete()
    log.add(1, (), unpullable)
    log.add(2, (), metrics(1.0))
    log.add(3, (), metrics(1.0))
    with pytest.raises(RuntimeError):
        log.add(4, (), metrics(1.0))


def test_a_row_adds_up_the_work_of_its_own_steps(monkeypatch):
    """Rates times seconds give back the work, whenever values are pulled."""
    clock = iter(range(0, 100, 2))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    writer = Rows()
    throughput = Throughput(lambda batch: Work(tokens=batch, model_flops=10.0 * batch), 100.0)
    log = StepLog(writer, log_every=3, step=0, num_steps=7, throughput=throughput)
    for step in range(1, 8):
        log.add(step, (), metrics(1.0), step)
        if step == 4:
            log.flush()
    log.flush()
    assert [(step, row["tokens_per_second"]) for step, row in writer.rows] == [
        (3, (1 + 2 + 3) / 2), (6, (4 + 5 + 6) / 2), (7, 7 / 2)]
    assert writer.rows[0][1]["utilisation"] == 10 * 3.0 / 100


def test_a_run_that_ends_early_has_a_row_for_its_last_step():
    writer = Rows()
    log = StepLog(writer, log_every=5, step=0, num_steps=20)
    for step in range(1, 8):
        log.add(step, (), metrics(step))
    log.flush(ends=True)
    assert [(step, row["loss"]) for step, row in writer.rows] == [(5, 3.0), (7, 6.5)]
