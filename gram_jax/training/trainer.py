"""The training loop. Knows an objective, an optimizer and batches; no model and no task.

The host runs ahead of the device: while a step computes, the next batch is fetched and the metrics
of earlier steps are pulled. What varies between runs enters through objectives and hooks.
"""

import collections
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import jax
from jax.sharding import Mesh

from gram_jax.core.errors import TrainingError
from gram_jax.models.objectives import Objective
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.partitioning.rules import DEFAULT_AXIS_RULES, AxisRules
from gram_jax.training.checkpoints import Checkpoints
from gram_jax.training.hooks import Hook
from gram_jax.training.interruption import Interrupted, SignalWatch
from gram_jax.training.metric_watch import MetricWatch
from gram_jax.training.metric_writer import MetricWriter
from gram_jax.training.optimizers import Optimizer
from gram_jax.training.step_log import StepLog
from gram_jax.training.throughput import Throughput
from gram_jax.training.train_state import TrainState, abstract_train_state, init_train_state
from gram_jax.training.train_step import StepMetrics, make_train_step

_MAX_STEPS_WAITING = 1
"""Steps handed to the device behind the running one: one keeps it busy, and more would only delay
the answer to a signal."""


class CheckpointableIterator(Protocol):
    """Endless batches, from a place that can be named and returned to."""

    def __next__(self) -> Any:
        """The next batch: a pytree of NumPy arrays with `example_ids` beside them."""

    def position(self) -> Mapping[str, Any]:
        """JSON values that name the place behind the last batch given."""

    def seek(self, position: Mapping[str, Any]) -> None:
        """Goes to a place: the next batch is the one that followed it."""


def train(
    *,
    objective: Objective,
    params: Any,
    logical_axes: Any,
    optimizer: Optimizer,
    batches: CheckpointableIterator,
    num_steps: int,
    checkpoint_dir: str,
    checkpoint_every: int,
    log_every: int,
    seed: int,
    mesh: Mesh,
    metric_writer: MetricWriter,
    hooks: Sequence[Hook] = (),
    metadata: Mapping[str, Any] | None = None,
    axis_rules: AxisRules = DEFAULT_AXIS_RULES,
    num_microbatches: int = 1,
    max_checkpoints: int = 2,
    watch: MetricWatch | None = None,
    throughput: Throughput | None = None,
) -> TrainState:
    """Trains for `num_steps` steps, going on from the latest checkpoint where there is one.

    A run that is killed and started again ends with the params of one that never was, bit for bit.

    Args:
      objective: what is minimised.
      params: where a run without checkpoint starts; left as they are.
      logical_axes: the tree of params with a tuple of logical axis names for each array.
      optimizer: how it is minimised.
      batches: the data, all of one shape.
      num_steps: updates of the whole run, those before an interruption included.
      checkpoint_dir: where the checkpoints of this run lie.
      checkpoint_every: steps between checkpoints; the last step has one too.
      log_every: steps between rows of metrics, and between checks that the loss is finite.
      seed: of dropout.
      mesh: the devices.
      metric_writer: takes the metrics; opened and closed here.
      hooks: called every so many steps.
      metadata: JSON values that must be the same when the run goes on.
      axis_rules: from logical to mesh axes.
      num_microbatches: parts of a batch that go through the model one after the other.
      max_checkpoints: so many of the latest stay.
      watch: sees what hooks measure, may end training before `num_steps`, and says which step is
        the best. It goes on from what the checkpoint remembers, and tells afterwards what it saw.
      throughput: adds what steps work through a second to the metrics.

    Returns:
      The state after the last step, or after the best where `watch` keeps that; on the devices.

    Raises:
      TrainingError: the loss of a step is not finite (nothing of it is saved), or the data ended.
      Interrupted: SIGTERM or SIGINT came; the state was saved after the step that was running.
      ArtifactError: the latest checkpoint is damaged or belongs to another run.
    """
    partitioner = Partitioner(mesh, axis_rules)
    abstract_state = abstract_train_state(params, logical_axes, optimizer, partitioner)
    step_fn = make_train_step(
        objective, optimizer, abstract_state=abstract_state,
        batch_sharding=partitioner.batch_sharding, num_microbatches=num_microbatches,
        constrain=partitioner.constrain)
    checkpoints = Checkpoints(
        checkpoint_dir, metadata={"seed": seed, **(metadata or {})}, max_to_keep=max_checkpoints)
    with SignalWatch() as signals, checkpoints, jax.set_mesh(mesh):
        restored = checkpoints.restore_latest(abstract_state)
        if restored is None:
            state = init_train_state(params, optimizer, seed, abstract_state)
        else:
            state = restored.state
            batches.seek(restored.position)
            if watch is not None:
                watch.recall(restored.memory)
        step = int(state.step)
        metric_writer.start(step)
        loop = _Loop(
            step_fn=step_fn, batches=batches, hooks=hooks, checkpoints=checkpoints,
            checkpoint_every=checkpoint_every, signals=signals, watch=watch,
            check_batch_size=functools.partial(
                partitioner.check_batch_size, num_microbatches=num_microbatches),
            log=StepLog(metric_writer, log_every=log_every, step=step, num_steps=num_steps,
                        throughput=throughput))
        try:
            state = loop.run(state, step, num_steps)
        finally:
            metric_writer.close()
        best = loop.best_step
        if best is None or best == int(state.step):
            return state
        del state  # there may be no room for two
        return checkpoints.restore(best, abstract_state).state


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Loop:
    """The parts that a running loop works with."""

    step_fn: Callable[[TrainState, Any], tuple[TrainState, StepMetrics]]
    batches: CheckpointableIterator
    hooks: Sequence[Hook]
    checkpoints: Checkpoints
    checkpoint_every: int
    signals: SignalWatch
    check_batch_size: Callable[[int], None]
    log: StepLog
    watch: MetricWatch | None

    @property
    def best_step(self) -> int | None:
        """The step whose params are wanted; None for the last."""
        kept = self.watch is not None and self.watch.settings.keep_best
        return self.watch.best_step if kept else None

    def run(self, state: TrainState, steps_done: int, num_steps: int) -> TrainState:
        in_flight = collections.deque()
        for step in range(steps_done + 1, num_steps + 1):
            if self._stops:
                break
            batch = self._next_batch(step, num_steps)
            if step == steps_done + 1:
                self.check_batch_size(len(jax.tree.leaves(batch)[0]))
            state, metrics = self.step_fn(state, batch)
            self.log.add(step, batch.example_ids, metrics, batch)
            in_flight.append(metrics.values)
            if len(in_flight) > _MAX_STEPS_WAITING:
                in_flight.popleft().block_until_ready()

            best = self._call_hooks(step, state, step == num_steps)
            last, interrupted = step == num_steps or self._stops, self.signals.received
            if last or interrupted or best or step % self.checkpoint_every == 0:
                self.log.flush(ends=last)  # raises before a state that is not finite can be saved
                self._save(state)
            if interrupted:
                self.checkpoints.wait()
                raise Interrupted(step, interrupted)
        return state

    @property
    def _stops(self) -> bool:
        return self.watch is not None and self.watch.stops

    def _call_hooks(self, step: int, state: TrainState, last: bool) -> bool:
        """Calls the hooks whose turn it is; whether the step is the best so far, and kept."""
        due = [last or step % hook.every_steps == 0 for hook in self.hooks]
        measured = self._measures(step, state, due)
        best = self.watch is not None and self.watch.see(step, measured)
        if self._stops and not last:  # the others are called after the last step too
            measured |= self._measures(step, state, [not called for called in due])
        self.log.note(step, measured)
        return best and self.watch.settings.keep_best

    def _measures(self, step: int, state: TrainState, due: Sequence[bool]) -> dict[str, float]:
        measured = {}
        for hook, called in zip(self.hooks, due):
            if called:
                measured |= hook(step, state, self.log.latest) or {}
        return measured

    def _save(self, state: TrainState) -> None:
        memory = {} if self.watch is None else self.watch.memory()
        self.checkpoints.save(state, self.batches.position(), memory=memory,
                              best_step=self.best_step)

    def _next_batch(self, step: int, num_steps: int) -> Any:
        try:
            return next(self.batches)
        except StopIteration:
            raise TrainingError(
                f"the data ended before step {step} of {num_steps}; batches must not end") from None
