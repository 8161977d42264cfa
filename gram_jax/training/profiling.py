"""Traces a few steps with JAX's profiler. Knows step numbers and a folder; no trainer."""

import dataclasses
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from gram_jax.core.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class ProfiledSteps:
    """The steps after `first`, up to and with `last`.

    The first step of a run compiles and would fill the trace with that: `first` is at least 1.

    Raises:
      ConfigError: the range is empty or begins with the first step.
    """

    first: int
    last: int

    def __post_init__(self):
        if not 1 <= self.first < self.last:
            raise ConfigError(f"profiled steps {self.first}:{self.last}: write FIRST:LAST with "
                              "1 <= FIRST < LAST, such as 100:110 for the ten steps after 100")

    @classmethod
    def parse(cls, text: str) -> "ProfiledSteps":
        """Reads 'FIRST:LAST'."""
        numbers = re.fullmatch(r"(\d+):(\d+)", text)
        if numbers is None:
            raise ConfigError(f"profiled steps {text!r} are not FIRST:LAST, such as 100:110")
        return cls(int(numbers[1]), int(numbers[2]))


class ProfileHook:
    """A hook that traces some steps into a folder; a context, since a trace has to be ended.

    A run that goes on from a step within the range traces what is left of it, and one that goes on
    behind it nothing. View it with TensorBoard's or XProf's profile page.

    Args:
      steps: which.
      folder: gets the trace; made when it is missing.
    """

    every_steps = 1

    def __init__(self, steps: ProfiledSteps, folder: str | os.PathLike):
        self._steps, self._folder, self._runs = steps, Path(folder), False

    def __enter__(self) -> "ProfileHook":
        return self

    def __exit__(self, *exception) -> None:
        self._end()

    def __call__(self, step: int, state: Any, metrics: Mapping[str, float]) -> None:
        """Begins or ends the trace where it is due, when the device has done all steps so far."""
        if not self._runs and self._steps.first <= step < self._steps.last:
            jax.block_until_ready(state.step)
            jax.profiler.start_trace(str(self._folder))
            self._runs = True
        elif self._runs and step >= self._steps.last:
            jax.block_until_ready(state.step)
            self._end()

    def _end(self) -> None:
        if self._runs:
            self._runs = False
            jax.profiler.stop_trace()
