"""The metrics of steps whose values may still be on their way from the device.

A step hands over device arrays, which are kept, and pulled together when they are asked for. What
is pulled is checked, so that a loss that is not finite is named with its step and its examples.
"""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from gram_jax.core.errors import TrainingError
from gram_jax.training.metric_writer import MetricWriter
from gram_jax.training.throughput import Throughput, Work
from gram_jax.training.train_step import StepMetrics


class StepLog:
    """Keeps metrics on the device until `flush`, and writes their means every `log_every` steps.

    Args:
      metric_writer: takes a row for every step that has one.
      log_every: steps between rows; a row's metrics are means over the steps since the row before,
        or since the checkpoint from which the run goes on.
      step: steps done before this run.
      num_steps: the last step, which has a row too.
      throughput: adds what the steps of a row work through a second. Their time is all that
        passed since the row before, so that evaluations and checkpoints show as work not done; in
        the first row compiling does.
    """

    def __init__(
        self, metric_writer: MetricWriter, *, log_every: int, step: int, num_steps: int,
        throughput: Throughput | None = None
    ):
        self._writer, self._log_every, self._num_steps = metric_writer, log_every, num_steps
        self._throughput, self._work = throughput, Work()
        self._kept: list[tuple[int, Sequence[str], StepMetrics, Work]] = []
        self._window: list[StepMetrics] = []
        self._notes: dict[int, dict[str, float]] = {}
        self._row_time, self._row_step = time.monotonic(), step
        self.latest: Mapping[str, float] = {}

    def add(self, step: int, example_ids: Sequence[str], metrics: StepMetrics,
            batch: Any = None) -> None:
        """Keeps the metrics of `step`, which is running on a batch.

        A row that was due before it is written now: those values come while `step` is computed.
        """
        if self._kept and self._kept[-1][0] % self._log_every == 0:
            self.flush()
        work = Work() if self._throughput is None else self._throughput.count_work(batch)
        self._kept.append((step, example_ids, metrics, work))

    def note(self, step: int, metrics: Mapping[str, float] | None) -> None:
        """Adds metrics of the latest step, such as an evaluation's, to its row."""
        if metrics:
            self._notes.setdefault(step, {}).update(metrics)

    def flush(self, *, ends: bool = False) -> None:
        """Waits for all steps added, checks them, and writes the rows that are due.

        Args:
          ends: whether the step added last ends the run, and so has a row.

        Raises:
          TrainingError: the loss or the gradient of a step is not finite.
        """
        kept, self._kept = self._kept, []
        pulled = jax.device_get([metrics for _, _, metrics, _ in kept])
        end = kept[-1][0] if ends and kept else self._num_steps
        for (step, example_ids, _, work), metrics in zip(kept, pulled):
            _check_finite(step, example_ids, metrics)
            self._window.append(metrics)
            self._work += work
            row = {}
            if step % self._log_every == 0 or step == end:
                row = self.latest = self._means(step)
            row = {**row, **self._notes.pop(step, {})}
            if row:
                self._writer.write(step, row)

    def _means(self, step: int) -> dict[str, float]:
        window, self._window = self._window, []
        work, self._work = self._work, Work()
        now = time.monotonic()
        seconds = max(now - self._row_time, 1e-9)
        rates = {"steps_per_second": (step - self._row_step) / seconds}
        if self._throughput is not None:
            rates |= self._throughput.rates(work, seconds)
        self._row_time, self._row_step = now, step
        means = np.mean([metrics.values for metrics in window], axis=0)
        return dict(zip(window[0].names, means.tolist())) | rates


def _check_finite(step: int, example_ids: Sequence[str], metrics: StepMetrics) -> None:
    # A finite loss can have a gradient that is not, and that one is in the params already.
    for name, value in metrics.to_dict().items():
        if name in ("loss", "grad_norm") and not math.isfinite(value):
            raise TrainingError(
                f"step {step}: {name} is {value}, so training stops here; nothing of this step is "
                "saved. A lower learning rate, a longer warm-up or stronger clipping helps where "
                "no example is at fault.\n"
                f"  Examples of the batch: {', '.join(example_ids) or 'not named'}")
