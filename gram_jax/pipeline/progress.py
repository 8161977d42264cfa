"""Progress for people: bars with rate and time left on a terminal, silence elsewhere."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _RateColumn(ProgressColumn):
    def render(self, task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.1f}/s", style="progress.data.speed")


def terminal_progress(iterable: Iterable, description: str, total: int | None) -> Iterator:
    """Yields from `iterable`, drawing a bar on stderr when that is a terminal."""
    if not sys.stderr.isatty():
        yield from iterable
        return
    if total is None and hasattr(iterable, "__len__"):
        total = len(iterable)
    with _bar() as progress:
        yield from progress.track(iterable, total=total, description=description)


@contextlib.contextmanager
def step_bar(description: str, num_steps: int) -> Iterator[Callable]:
    """A bar for training: yields `show(steps_done, metrics)`, which names the loss beside it."""
    if not sys.stderr.isatty():
        yield lambda step, metrics: None
        return
    with _bar() as progress:
        task = progress.add_task(description, total=num_steps)

        def show(step: int, metrics: Mapping[str, float]) -> None:
            loss = f" loss {metrics['loss']:.3f}" if "loss" in metrics else ""
            progress.update(task, completed=step, description=description + loss)

        yield show


def _bar() -> Progress:
    columns = (TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(),
               _RateColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
