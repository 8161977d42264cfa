"""A run on one HTML page: curves of its trainings, figures, durations, settings, versions.

Knows what is shown and in which order; what there is to show comes from `run_summary`.
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from gram_jax.core.atomic import atomic_file
from gram_jax.evaluation.curve_plots import Curve, curve_plot, duration_plot
from gram_jax.evaluation.page_parts import Section, document, table
from gram_jax.evaluation.report import results_of_json
from gram_jax.pipeline.inspection import flat_counts
from gram_jax.pipeline.progress import duration
from gram_jax.pipeline.run_summary import RunSummary, TrainingCurves, training_curves
from gram_jax.pipeline.workdir import Manifest

STAGE_PAGE = "summary.html"
"""The file that a stage which trained leaves in its folder."""

_FIRST = ("loss", "recall, tune queries", "accuracy", "tokens_per_second", "utilisation",
          "learning_rate", "grad_norm")
_HIDDEN = ("weight",)
_MEANINGS = {
    "loss": "a unit of weight, in training and on the tune split",
    "accuracy": "share of tokens ranked first",
    "recall, tune queries": "relevant products under the codes of the beam: among the first k, "
                            "products of one code in random order, and among all (reach)",
    "products_reached": "products under the codes of a tune query",
    "tokens_per_second": "not padding; with evaluations and checkpoints in the time",
    "model_flops_per_second": "matrix products of forward and backward pass",
    "utilisation": "model FLOPs a second over the peak of the devices",
    "grad_norm": "before clipping",
}


def run_page(summary: RunSummary) -> str:
    """The page of a run."""
    total = sum(stage.seconds for stage in summary.stages)
    count = len(summary.stages)
    facts = [summary.workdir,
             f"{count} finished stage{'s' * (count != 1)} in {duration(total)}",
             f"unfinished: {', '.join(summary.unfinished)}" if summary.unfinished else "",
             f"begun {min(stage.started for stage in summary.stages)[:16].replace('T', ' ')}"
             if summary.stages else ""]
    sections = [section for section in (
        _figures(summary.report), *(_training(training, summary.stages)
                                    for training in summary.trainings),
        _stages(summary.stages), _settings(summary.stages), _versions(summary.stages))
        if section is not None]
    return document(f"Run {Path(summary.workdir).name}", facts, sections)


def write_stage_page(folder: Path, manifest: Manifest) -> None:
    """Writes the page of a stage into its folder, if it trained anything.

    Args:
      folder: of the stage, in which `manifest` is not written yet.
      manifest: what it will hold.
    """
    trainings = training_curves(manifest.stage, folder)
    if trainings:
        summary = RunSummary(str(folder.parent), (manifest,), trainings=tuple(trainings))
        with atomic_file(folder / STAGE_PAGE) as stream:
            stream.write(run_page(summary))


def _figures(report: Mapping[str, Any] | None) -> Section | None:
    results = [] if report is None else results_of_json(report)
    if not results:
        return None
    names = list(results[0].figures)
    rows = [[f"<th>{escape(result.name)}</th>",
             *(f"<td>{result.figures[name]:.4f}</td>" for name in names)] for result in results]
    return Section("figures", "Figures on test queries",
                   f"<p>{report['queries']:,} queries, {report['products']:,} products.</p>"
                   + table([("method", ""), *((name, "") for name in names)], rows))


def _training(training: TrainingCurves, stages: Sequence[Manifest]) -> Section:
    counts = next((stage.counts for stage in stages if stage.stage == training.name), {})
    best = counts.get("best_step")
    plots = []
    for name, curves in _grouped(training.curves):
        drawn = curve_plot(curves, label=f"{name} over the steps of {training.name}",
                           marked_step=best)
        if drawn:
            plots.append(f'<div><h3>{escape(name.replace("_", " "))}</h3><span class="legend">'
                         f'{escape(_MEANINGS.get(name, "")) or "&nbsp;"}</span>{drawn}</div>')
    early = "It ended early, for want of a better value. " if counts.get("ended_early") else ""
    marked = "" if best is None else f"A broken rule marks step {best:,}, the best. "
    said = f"<p>{early}{marked}</p>" if early or marked else ""
    key = "training-" + "".join(letter if letter.isalnum() else "-" for letter in training.name)
    return Section(key, f"Training: {training.name}",
                   f'{said}<div class="plots">{"".join(plots)}</div>')


def _grouped(curves: Sequence[Curve]) -> list[tuple[str, list[Curve]]]:
    """Curves that belong in one plot: of a metric in training and on the tune split; recalls."""
    groups: dict[str, list[Curve]] = {}
    for curve in curves:
        name = curve.name.rpartition("/")[2]
        if name in _HIDDEN:
            continue
        if name.startswith("recall@") or name == "reach":
            groups.setdefault("recall, tune queries", []).append(
                Curve(name, curve.steps, curve.values))
        else:
            groups.setdefault(name, []).append(
                Curve("tune" if "/" in curve.name else "train", curve.steps, curve.values))
    rank = {name: at for at, name in enumerate(_FIRST)}
    return sorted(groups.items(), key=lambda group: rank.get(group[0], len(rank)))


def _stages(stages: Sequence[Manifest]) -> Section | None:
    if not stages:
        return None
    names, seconds = [stage.stage for stage in stages], [stage.seconds for stage in stages]
    rows = [row for stage in stages for row in (
        [f"<h3>{escape(stage.stage)}</h3>"],
        *([f"<th>{escape(name)}</th>", f"<td>{escape(str(value))}</td>"]
          for name, value in flat_counts(stage.counts)))]
    return Section("stages", "Stages", (
        "<p>How long each took; one that was interrupted, from where it went on last.</p>"
        + duration_plot(names, seconds, list(map(duration, seconds)),
                        label="Duration of each stage")
        + f'<details><summary>What they hold</summary>{table([("", ""), ("", "")], rows)}'
          "</details>"))


def _settings(stages: Sequence[Manifest]) -> Section | None:
    if not stages:
        return None
    folds = "".join(
        f"<details><summary>{escape(stage.stage)}</summary>" + table(
            [("setting", ""), ("value", "")],
            [[f"<th>{escape(name)}</th>", f"<td>{escape(value)}</td>"]
             for name, value in sorted(stage.settings.items())]) + "</details>"
        for stage in stages if stage.settings)
    return Section("settings", "Settings", "<p>What gin bound of what each stage depends on.</p>"
                   + folds)


def _versions(stages: Sequence[Manifest]) -> Section | None:
    if not stages:
        return None
    found: dict[str, set[str]] = {}
    for stage in stages:
        for name, version in stage.versions.items():
            found.setdefault(name, set()).add(version)
    rows = [[f"<th>{escape(name)}</th>", f"<td>{escape(', '.join(sorted(versions)))}</td>"]
            for name, versions in found.items()]
    return Section("versions", "Versions", table([("package", ""), ("version", "")], rows))
