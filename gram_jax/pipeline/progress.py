"""Progress for people: bars on a terminal; in a log, a line a minute for a training, else silence.
"""

import contextlib
import sys
import time
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

_SECONDS_A_LINE = 60.0


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
def step_bar(description: str, num_steps: int, *, shown: bool = True) -> Iterator[Callable]:
    """Shows how far a training is: yields `show(steps_done, metrics)`.

    On a terminal it is a bar with loss, tokens a second, utilisation and the time left; elsewhere a
    line of the same, once a minute.

    Args:
      description: what is trained.
      num_steps: of the whole run.
      shown: False for silence, as in all processes of a run but one.
    """
    if not shown:
        yield lambda step, metrics: None
    elif not sys.stderr.isatty():
        yield _lines(description, num_steps)
    else:
        with _bar(TextColumn("{task.fields[figures]}")) as progress:
            task = progress.add_task(description, total=num_steps, figures="")
            yield lambda step, metrics: progress.update(
                task, completed=step, figures=training_figures(metrics))


def training_figures(metrics: Mapping[str, float]) -> str:
    """Those of a training's metrics that say how it goes, in a few words."""
    parts = []
    if "loss" in metrics:
        parts.append(f"loss {metrics['loss']:.3f}")
    if "tokens_per_second" in metrics:
        parts.append(f"{metrics['tokens_per_second']:,.0f} tokens/s")
    if "utilisation" in metrics:
        parts.append(f"{metrics['utilisation']:.0%} of peak")
    return " · ".join(parts)


def _lines(description: str, num_steps: int) -> Callable[[int, Mapping[str, float]], None]:
    """A `show` that prints a line when a minute has passed since the one before."""
    begun: tuple[float, int] | None = None  # when and at which step this process began
    last = time.monotonic()

    def show(step: int, metrics: Mapping[str, float]) -> None:
        nonlocal begun, last
        now = time.monotonic()
        begun = begun or (now, step)
        if now - last < _SECONDS_A_LINE or step == begun[1]:
            return
        last = now
        left = (num_steps - step) * (now - begun[0]) / (step - begun[1])
        figures = training_figures(metrics)
        print(f"gram: {description}: step {step:,} of {num_steps:,}{figures and ' · ' + figures} · "
              f"{duration(left)} left", file=sys.stderr, flush=True)

    return show


def duration(seconds: float) -> str:
    """Seconds as people say them: '12.3 s', '4.5 min', '2 h 05 min'."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:02.0f} min"


def _bar(*more: ProgressColumn) -> Progress:
    columns = (TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(),
               _RateColumn(), TimeElapsedColumn(), TimeRemainingColumn(), *more)
    return Progress(*columns, console=Console(stderr=True), transient=True)
