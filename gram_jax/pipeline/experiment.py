"""One experiment: its gin settings, its workdir, and the stages that are asked for."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import gin

from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ConfigError
from gram_jax.pipeline.answers import keep_compiled_programs
from gram_jax.pipeline.configurables import CONFIGURABLES, register
from gram_jax.pipeline.inspection import comparison_table, read_report
from gram_jax.pipeline.progress import terminal_progress
from gram_jax.pipeline.settings import load_settings
from gram_jax.pipeline.stage import Stage, run_stages
from gram_jax.pipeline.stages import STAGES
from gram_jax.pipeline.workdir import Workdir

if TYPE_CHECKING:
    from gram_jax.training.profiling import ProfiledSteps

_SETTINGS = "settings.gin"


def run_experiment(path: Path, stages: Sequence[str] | None = None, *, until: str | None = None,
                   gin_files: Sequence[str] = (), overrides: Sequence[str] = (),
                   profiled: "ProfiledSteps | None" = None) -> None:
    """Brings stages up to date and shows the comparison, if it is among them.

    The settings are kept in the workdir, so that a later call needs no gin file.

    Args:
      path: the workdir; made when missing.
      stages: names of stages, run in pipeline order; None for all that the experiment has.
      until: the last stage to run; those behind it are left.
      gin_files: gin files; those of the workdir's last run when empty.
      overrides: `NAME=value` bindings.
      profiled: steps that each training is to trace into its folder.

    Raises:
      ConfigError: the settings are wrong, or none were ever given, or `until` is no stage of the
        experiment.
      GramError: what a stage raises.
    """
    workdir = Workdir(path)
    kept = workdir.path / _SETTINGS
    if not gin_files and not kept.exists():
        raise ConfigError(f"{workdir.path} has no settings yet. Name a gin file, such as "
                          "--gin_file=gin/experiments/quickstart.gin")
    register()
    load_settings(list(gin_files) or [str(kept)], overrides, configurables=CONFIGURABLES)
    _check_room(workdir.path)
    keep_compiled_programs(workdir)
    with workdir.alone():
        with atomic_file(kept) as stream:
            stream.write(gin.config_str())
        chosen = [stage for stage in STAGES
                  if (stage.wanted if stages is None else stage.name in stages)]
        if until is not None:
            chosen = chosen[:_place(until, chosen) + 1]
        run_stages(chosen, workdir, progress=terminal_progress, say=_say,
                   profiled=profiled)
    if any(stage.name == "evaluate" for stage in chosen):
        comparison_table(read_report(workdir))


def _place(name: str, stages: Sequence[Stage]) -> int:
    names = [stage.name for stage in stages]
    if name not in names:
        raise ConfigError(f"the experiment has no stage {name!r}, only {', '.join(names)}")
    return names.index(name)


def _say(text: str) -> None:
    print(f"gram: {text}", file=sys.stderr, flush=True)


def _check_room(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--workdir={path} cannot be made: {error.strerror}") from error
    if not os.access(path, os.W_OK):
        raise ConfigError(f"--workdir={path} cannot be written")
    free = shutil.disk_usage(path).free
    if free < 500 * 2**20:
        raise ConfigError(f"--workdir={path} has {free / 2**20:.0f} MiB free; 500 are needed")
