import json
import os
import signal
import threading

import jax
import numpy as np
import pytest

from gram_jax.core.errors import ArtifactError, ConfigError, TrainingError
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.testing.seekable_batches import SeekableBatches
from gram_jax.training.checkpoints import Checkpoints
from gram_jax.training.hooks import ProgressHook
from gram_jax.training.interruption import Interrupted
from gram_jax.training.metric_watch import MetricWatch, WatchSettings
from gram_jax.training.metric_writer import JsonlMetricWriter
from gram_jax.training.optimizers import adamw
from gram_jax.training.schedules import warmup_cosine
from gram_jax.training.trainer import train

NUM_STEPS = 23
OPTIMIZER = adamw(warmup_cosine(peak=0.02, num_steps=NUM_STEPS, warmup_steps=3))


@pytest.fixture
def run(toy, tmp_path):
    """Trains the toy in tmp_path, with changes to the settings."""
    def run(**changes):
        name = changes.pop("name", "run")
        settings = {
            "objective": toy.objective, "params": toy.params, "logical_axes": toy.logical_axes,
            "optimizer": OPTIMIZER, "batches": SeekableBatches(), "num_steps": NUM_STEPS,
            "checkpoint_dir": tmp_path / name, "checkpoint_every": 5, "log_every": 4, "seed": 0,
            "mesh": toy.mesh, "metric_writer": JsonlMetricWriter(tmp_path / f"{name}.jsonl"),
            "metadata": {"data": "abc"}}
        return train(**(settings | changes))

    return run


def bits(state):
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves((state.params, state.opt_state))]


def rows(tmp_path, name="run"):
    rows = [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
    return {row.pop("step"): {k: v for k, v in row.items() if k != "steps_per_second"}
            for row in rows}, len(rows)


def steps(folder):
    return Checkpoints(folder, metadata={}).steps()


class Crash(Exception):
    pass


def crash_at(step):
    def show(now, metrics):
        if now == step:
            raise Crash

    return ProgressHook(show)


def test_training_learns_and_says_so(run, toy, tmp_path):
    before = jax.tree.map(np.copy, toy.params)
    state = run(batches=FewBatches())
    written, count = rows(tmp_path)
    assert int(state.step) == NUM_STEPS
    assert list(written) == [4, 8, 12, 16, 20, 23] and count == len(written)
    assert written[23]["loss"] < 0.8 * written[4]["loss"]
    assert set(written[4]) == {"loss", "accuracy", "weight", "grad_norm", "learning_rate"}
    jax.tree.map(np.testing.assert_array_equal, before, toy.params)


class FewBatches(SeekableBatches):
    """Three batches in turn, which can be learned by heart."""

    def __next__(self):
        number, self.number = self.number, self.number % 3
        batch = super().__next__()
        self.number = number + 1
        return batch


def test_params_on_a_device_survive_the_donation_of_the_state(run, toy):
    params = jax.device_put(toy.params)
    run(params=params, num_steps=3)
    jax.tree.map(np.testing.assert_array_equal, params, toy.params)


@pytest.mark.parametrize("crash", [1, 5, 6, 14])
def test_a_run_that_crashes_and_goes_on_ends_as_one_that_did_not(run, tmp_path, crash):
    whole = run(name="whole")
    with pytest.raises(Crash):
        run(hooks=[crash_at(crash)])
    assert steps(tmp_path / "run") == [s for s in (5, 10, 15, 20) if s < crash][-2:]
    assert bits(run()) == bits(whole)
    written, count = rows(tmp_path)
    assert list(written) == list(rows(tmp_path, "whole")[0]) and count == len(written)


def test_rows_of_a_run_that_went_on_are_those_of_one_that_was_never_stopped(run, tmp_path):
    run(name="whole", log_every=5)
    with pytest.raises(Crash):
        run(hooks=[crash_at(13)], log_every=5)
    run(log_every=5)
    assert rows(tmp_path) == rows(tmp_path, "whole")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_step_that_was_running_and_the_same_call_goes_on(run, tmp_path, number):
    whole = run(name="whole")
    handlers, threads = signal.getsignal(number), threading.active_count()
    kill = ProgressHook(lambda step, _: os.kill(os.getpid(), number) if step == 7 else None)
    with pytest.raises(Interrupted) as interrupted:
        run(hooks=[kill])
    assert (interrupted.value.step, interrupted.value.signal_number) == (7, number)
    assert steps(tmp_path / "run") == [5, 7]
    assert signal.getsignal(number) == handlers
    assert threading.active_count() <= threads
    assert bits(run()) == bits(whole)


def test_a_second_sigint_aborts_without_saving(run, tmp_path):
    def kill(step, _):
        if step == 7:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(hooks=[ProgressHook(kill)])
    assert steps(tmp_path / "run") == [5]


class PoisonedBatches(SeekableBatches):
    """The weights of one batch are not finite."""

    poisoned: int = 0

    def __next__(self):
        batch = super().__next__()
        if self.number == self.poisoned:
            batch.decoder_loss_weights[0, 0] = np.inf
        return batch


@pytest.mark.parametrize("poisoned, log_every, saved", [
    (1, 4, []), (7, 4, [5]), (8, 4, [5]), (10, 100, [5]), (11, 100, [5, 10]), (23, 100, [15, 20])])
def test_a_loss_that_is_not_finite_is_named_and_never_saved(
    run, tmp_path, poisoned, log_every, saved
):
    """Also when the check comes many steps later, or a checkpoint is due at that very step."""
    batches = PoisonedBatches()
    batches.poisoned = poisoned
    with pytest.raises(TrainingError) as error:
        run(batches=batches, log_every=log_every)
    assert f"step {poisoned}: loss is" in str(error.value)
    ids = ", ".join(f"{poisoned - 1}-{row}" for row in range(8))
    assert str(error.value).endswith(f"Examples of the batch: {ids}")
    assert steps(tmp_path / "run") == saved


def test_a_finished_run_asks_for_no_data(run):
    whole = run()
    assert bits(run(batches=SeekableOnly())) == bits(whole)


class SeekableOnly(SeekableBatches):
    def __next__(self):
        raise AssertionError("a batch was asked for")


def test_a_run_can_be_made_longer(run):
    whole = run(name="whole")
    run(num_steps=9)
    assert bits(run()) == bits(whole)


@pytest.mark.parametrize("change", [
    {"seed": 1}, {"metadata": {"data": "abd"}}, {"metadata": {}},
    {"optimizer": adamw(OPTIMIZER.learning_rate, max_grad_norm=None)}])
def test_what_belongs_to_another_run_is_not_gone_on_with(run, change):
    run(num_steps=3)
    with pytest.raises(ArtifactError, match="belongs to another run"):
        run(**change)


def test_hooks_run_at_their_steps_and_after_the_last_and_their_measures_are_written(run, tmp_path):
    class Hook:
        every_steps = 6

        def __init__(self):
            self.seen = []

        def __call__(self, step, state, metrics):
            self.seen.append((step, int(state.step), "loss" in metrics))
            return {"tune/step": step}

    hook = Hook()
    run(hooks=[hook])
    assert hook.seen == [(6, 6, True), (12, 12, True), (18, 18, True), (23, 23, True)]
    written, _ = rows(tmp_path)
    assert {step for step, row in written.items() if "tune/step" in row} == {6, 12, 18, 23}
    assert "loss" in written[12] and "loss" not in written[6]


def test_data_that_ends_is_an_error_that_says_where(run):
    class Ending(SeekableBatches):
        def __next__(self):
            if self.number == 6:
                raise StopIteration
            return super().__next__()

    with pytest.raises(TrainingError, match="the data ended before step 7 of 23"):
        run(batches=Ending())


def test_microbatches_change_the_rounding_at_most(run, toy):
    def objective(params, batch, rng):
        return toy.objective(params, batch, None)  # dropout draws differ between microbatches

    whole = run(name="whole", objective=objective, num_steps=5)
    parts = run(objective=objective, num_steps=5, num_microbatches=4)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5), whole.params,
                 parts.params)


def test_a_batch_that_the_mesh_cannot_split_is_refused(run, monkeypatch):
    def refuse(self, batch_size, num_microbatches):
        raise ConfigError(f"batch size {batch_size}")

    monkeypatch.setattr(Partitioner, "check_batch_size", refuse)
    with pytest.raises(ConfigError, match="batch size 8"):
        run()


# --- watching a metric ------------------------------------------------------------------------

CURVE = {2: 0.1, 4: 0.3, 6: 0.2, 8: 0.4, 10: 0.35, 12: 0.4, 14: 0.1, 16: 0.9, 18: 0.0, 20: 0.0,
         22: 0.0, 23: 0.0}


class Scripted:
    """Measures what a table says."""

    def __init__(self, every_steps=2):
        self.every_steps = every_steps

    def __call__(self, step, state, metrics):
        return {"tune/recall": CURVE[step]}


def watching(patience=3, **settings):
    return MetricWatch(WatchSettings(metric="tune/recall", patience=patience, **settings))


def test_training_ends_when_its_patience_does_and_returns_the_best(run, tmp_path):
    best = run(name="until 8", num_steps=8)  # the best so far when waiting ends, at step 14
    watch = watching()
    state = run(hooks=[Scripted()], watch=watch)
    assert (watch.best_step, watch.last_step, watch.stops) == (8, 14, True)
    assert bits(state) == bits(best) and int(state.step) == 8
    assert steps(tmp_path / "run") == [8, 10, 14]  # the best and the latest two
    assert list(rows(tmp_path)[0])[-1] == 14 and "loss" in rows(tmp_path)[0][14]


def test_without_patience_all_steps_are_done_and_the_best_is_returned(run, tmp_path):
    watch = watching(patience=None)
    assert int(run(hooks=[Scripted()], watch=watch).step) == watch.best_step == 16
    assert steps(tmp_path / "run") == [16, 20, 23]


def test_the_latest_params_are_returned_where_the_best_are_not_kept(run, tmp_path):
    state = run(hooks=[Scripted()], watch=watching(keep_best=False))
    assert int(state.step) == 14
    assert steps(tmp_path / "run") == [10, 14]


def test_hooks_that_were_not_due_are_called_when_training_ends_early(run):
    seen = []
    hook = ProgressHook(lambda step, _: seen.append(step), every_steps=5)
    run(hooks=[hook, Scripted()], watch=watching())
    assert seen == [5, 10, 14]


@pytest.mark.parametrize("crash", [5, 13])
def test_a_watched_run_that_crashes_and_goes_on_ends_as_one_that_did_not(run, tmp_path, crash):
    """Best and patience are remembered: it stops at the same step with the same params."""
    whole = run(name="whole", hooks=[Scripted()], watch=watching())
    with pytest.raises(Crash):
        run(hooks=[Scripted(), crash_at(crash)], watch=watching())
    watch = watching()
    assert bits(run(hooks=[Scripted()], watch=watch)) == bits(whole)
    assert (watch.best_step, watch.last_step) == (8, 14)
    assert steps(tmp_path / "run") == steps(tmp_path / "whole")
    again = watching()
    assert bits(run(hooks=[Scripted()], watch=again, batches=SeekableOnly())) == bits(whole)
    assert again.memory() == watch.memory()


def test_more_patience_takes_a_run_on_that_had_ended_early(run):
    run(hooks=[Scripted()], watch=watching())
    longer = watching(patience=5)
    assert int(run(hooks=[Scripted()], watch=longer).step) == longer.best_step == 16


def test_a_metric_that_no_hook_measures_is_named(run):
    with pytest.raises(ConfigError, match="'tune/recall' is watched"):
        run(hooks=[type("Loss", (Scripted,), {"__call__": lambda *_: {"tune/loss": 1.0}})()],
            watch=watching())
