"""What people see of a training while it runs, whichever stage trains: progress, metrics, a trace.

All of it comes from process 0 of a run; the others train in silence.
"""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import jax

from gram_jax.pipeline.progress import step_bar

if TYPE_CHECKING:
    from gram_jax.training.hooks import Hook
    from gram_jax.training.metric_writer import MetricWriter
    from gram_jax.training.profiling import ProfiledSteps

METRICS = "metrics.jsonl"
"""The file of a training's folder with its metrics, a row a line."""


@dataclasses.dataclass(frozen=True)
class TrainingView:
    """What is handed to the trainer."""

    hooks: "Sequence[Hook]"
    metric_writer: "MetricWriter"


@contextlib.contextmanager
def training_view(description: str, num_steps: int, folder: Path,
                  profiled: "ProfiledSteps | None" = None) -> Iterator[TrainingView]:
    """Shows a training while the context lasts.

    Args:
      description: what is trained.
      num_steps: of the whole run.
      folder: gets metrics.jsonl, tensorboard/ and, where steps are profiled, profile/.
      profiled: steps to trace.
    """
    # They import Orbax's and TensorBoard's stacks, which no stage needs that does not train.
    from gram_jax.training.hooks import ProgressHook
    from gram_jax.training.metric_writer import (
        JsonlMetricWriter,
        MetricWriters,
        TensorBoardMetricWriter,
    )
    from gram_jax.training.profiling import ProfileHook

    first = jax.process_index() == 0
    writers = [JsonlMetricWriter(folder / METRICS), TensorBoardMetricWriter(folder / "tensorboard")]
    with contextlib.ExitStack() as stack:
        show = stack.enter_context(step_bar(description, num_steps, shown=first))
        hooks: list[Hook] = [ProgressHook(show)]
        if profiled is not None and first:
            hooks.append(stack.enter_context(ProfileHook(profiled, folder / "profile")))
        yield TrainingView(tuple(hooks), MetricWriters(writers if first else ()))
