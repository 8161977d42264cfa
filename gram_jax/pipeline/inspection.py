"""What is in a workdir, from its manifests and its report."""

import dataclasses
import json
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from gram_jax.core.errors import ArtifactError
from gram_jax.evaluation.report import report_table, results_of_json
from gram_jax.pipeline.workdir import Workdir


def inspect_workdir(workdir: Workdir, stages: Sequence[str]) -> dict[str, object]:
    """The manifest of every finished stage, by name, and the evaluation's report if there is one.

    Raises:
      ArtifactError: the folder is no workdir.
    """
    manifests = {name: manifest for name in stages
                 if (manifest := workdir.manifest(name)) is not None}
    unfinished = [name for name in stages if (workdir.path / f"{name}.unfinished").exists()]
    if not manifests and not unfinished:
        raise ArtifactError(f"{workdir.path} holds no finished stage. "
                            f"Fill it: gram run --workdir={workdir.path} --gin_file=...")
    return {
        "workdir": str(workdir.path),
        "stages": {name: dataclasses.asdict(found) for name, found in manifests.items()},
        "unfinished": unfinished,
        "report": read_report(workdir) if "evaluate" in manifests else None,
    }


def read_report(workdir: Workdir) -> dict[str, object]:
    """The comparison that the stage 'evaluate' wrote."""
    path = workdir.require("evaluate") / "report.json"
    return json.loads(path.read_text(encoding="utf-8"))


def comparison_table(report: Mapping[str, object], console: Console | None = None) -> None:
    """Prints the comparison of methods, if anything was compared."""
    if not report["methods"]:
        return
    title = f"{report['queries']:,} test queries, {report['products']:,} products"
    (console or Console()).print(report_table(results_of_json(report), title=title))


def inspection_table(found: Mapping[str, object], console: Console | None = None) -> None:
    """Prints what `inspect_workdir` found."""
    console = console or Console()
    table = Table(title=str(found["workdir"]), title_justify="left", title_style="bold")
    for header in ("stage", "digest", "started", "seconds", "what it holds"):
        table.add_column(header, justify="right" if header == "seconds" else "left")
    for name, manifest in found["stages"].items():
        lines = [f"{key}: {value}" for key, value in flat_counts(manifest["counts"])]
        table.add_row(name, manifest["digest"], manifest["started"][:19],
                      f"{manifest['seconds']:.1f}", "\n".join(lines), end_section=True)
    for name in found["unfinished"]:
        table.add_row(name, "", "", "", "unfinished: run it again to go on", end_section=True)
    console.print(table)
    if found["report"] is not None:
        comparison_table(found["report"], console)


def flat_counts(counts: Mapping[str, object], prefix: str = ""):
    """Yields (name, value) of nested counts; names say where they are nested."""
    for key, value in counts.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flat_counts(value, f"{name} / ")
        elif isinstance(value, float):
            yield name, f"{value:.4g}"
        else:
            yield name, value
