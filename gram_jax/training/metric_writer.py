"""Where metrics are written: JSON lines and TensorBoard. Knows names and numbers only."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from gram_jax.core.atomic import atomic_file


class MetricWriter(Protocol):
    """Takes the metrics of a run, which may be a continued one."""

    def start(self, step: int) -> None:
        """Opens for a run that goes on after `step`; what later steps had written is withdrawn."""

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Writes the metrics of one step; steps rise."""

    def close(self) -> None:
        """Writes out what is buffered; `start` opens again. Closing twice does nothing."""


class JsonlMetricWriter:
    """One JSON object a step in a text file, written through at once; 'step' comes first."""

    def __init__(self, path: str | os.PathLike):
        self._path = Path(path)
        self._file = None

    def start(self, step: int) -> None:
        """Keeps the rows up to `step` and opens the file behind them."""
        kept = [row for row in self._rows() if json.loads(row)["step"] <= step]
        with atomic_file(self._path) as stream:
            stream.writelines(kept)
        self._file = self._path.open("a", encoding="utf-8", newline="\n")

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Appends one row."""
        self._file.write(json.dumps({"step": step, **metrics}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _rows(self) -> list[str]:
        """Whole rows: a killed run can leave half of one, or a torn one, at the end."""
        if not self._path.exists():
            return []
        rows = []
        with self._path.open(encoding="utf-8", errors="replace", newline="\n") as stream:
            for row in stream:
                try:
                    json.loads(row)["step"]
                except (ValueError, KeyError, TypeError):
                    break
                rows.append(row if row.endswith("\n") else row + "\n")
        return rows


class TensorBoardMetricWriter:
    """Event files for TensorBoard."""

    def __init__(self, folder: str | os.PathLike):
        self._folder = str(folder)
        self._writer = None

    def start(self, step: int) -> None:
        """Opens a new event file, at which TensorBoard forgets the steps behind `step`."""
        from tensorboardX import SummaryWriter  # slow to import, and only training has it

        self._writer = SummaryWriter(self._folder, purge_step=step + 1)

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Adds a scalar for each metric."""
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Writes the events out and ends the writer's thread."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class MetricWriters:
    """Several writers as one; none at all discards the metrics."""

    def __init__(self, writers: Sequence[MetricWriter] = ()):
        self._writers = tuple(writers)

    def start(self, step: int) -> None:
        """Opens all of them."""
        for writer in self._writers:
            writer.start(step)

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Writes to all of them."""
        for writer in self._writers:
            writer.write(step, metrics)

    def close(self) -> None:
        """Closes all of them."""
        for writer in self._writers:
            writer.close()
