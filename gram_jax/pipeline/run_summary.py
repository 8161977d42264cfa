"""What a run did so far, from its workdir: manifests, metrics of every training, the report.

Knows files; nothing of how it is shown. A stage that is still at work has its curves too.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gram_jax.evaluation.curve_plots import Curve
from gram_jax.pipeline.training_view import METRICS
from gram_jax.pipeline.workdir import Manifest, Workdir


@dataclasses.dataclass(frozen=True)
class TrainingCurves:
    """The metrics of one training.

    Args:
      name: the stage, with the part of it that trained.
      curves: a curve for each metric, in the order in which they were first written.
    """

    name: str
    curves: tuple[Curve, ...]


@dataclasses.dataclass(frozen=True)
class RunSummary:
    """A run, whole or not.

    Args:
      workdir: its folder.
      stages: manifests of finished stages, in the order they run.
      unfinished: names of stages at work or interrupted.
      trainings: curves of finished and unfinished trainings.
      report: the comparison of methods (`pipeline.inspection.read_report`), if it was made.
    """

    workdir: str
    stages: tuple[Manifest, ...]
    unfinished: tuple[str, ...] = ()
    trainings: tuple[TrainingCurves, ...] = ()
    report: Mapping[str, Any] | None = None


def run_summary(workdir: Workdir, stages: Sequence[str]) -> RunSummary:
    """What there is of a run.

    Args:
      workdir: of the run.
      stages: names, in the order they run.
    """
    manifests = tuple(manifest for name in stages
                      if (manifest := workdir.manifest(name)) is not None)
    unfinished = tuple(name for name in stages
                       if (workdir.path / f"{name}.unfinished").exists())
    folders = {manifest.stage: workdir.folder(manifest.stage) for manifest in manifests}
    folders |= {f"{name}, unfinished": workdir.path / f"{name}.unfinished" for name in unfinished}
    report = workdir.folder("evaluate") / "report.json"
    return RunSummary(
        str(workdir.path), manifests, unfinished,
        tuple(training for name, folder in folders.items()
              for training in training_curves(name, folder)),
        json.loads(report.read_text(encoding="utf-8")) if report.exists() else None)


def training_curves(name: str, folder: Path) -> list[TrainingCurves]:
    """The curves of every training in a stage's folder, by the folder that its metrics lie in."""
    found = []
    for path in sorted(folder.rglob(METRICS)):
        part = path.parent.relative_to(folder).as_posix().removesuffix("/training")
        curves = _curves(path)
        if curves:
            found.append(TrainingCurves(name if part == "." else f"{name}, {part}", curves))
    return found


def _curves(path: Path) -> tuple[Curve, ...]:
    points: dict[str, tuple[list[int], list[float]]] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
            step = row.pop("step")
        except (ValueError, KeyError, AttributeError):  # a row that is being written
            break
        for metric, value in row.items():
            steps, values = points.setdefault(metric, ([], []))
            steps.append(step)
            values.append(value)
    return tuple(Curve(metric, *columns) for metric, columns in points.items())
