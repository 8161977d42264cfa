"""One metric of a run, watched: its best value so far, and when to stop waiting for a better one.

Knows numbers by name and step; nothing of what is measured or how it is saved. What it remembers is
a few JSON values, which a checkpoint carries, so that a run that was killed stops where one that
never was would have.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from gram_jax.core.errors import ConfigError


@dataclasses.dataclass(frozen=True, kw_only=True)
class WatchSettings:
    """What is watched and what follows from it.

    Args:
      metric: its name as hooks write it, such as 'tune/recall@10' or 'tune/loss'.
      higher_is_better: False for a loss.
      patience: measurements without a better value after which training ends; None never ends it.
      min_gain: how much better than the best a value has to be to count as better.
      keep_best: whether the checkpoint with the best value is kept beside the latest ones, and its
        params are what training returns.

    Raises:
      ConfigError: `patience` or `min_gain` makes no sense.
    """

    metric: str
    higher_is_better: bool = True
    patience: int | None = None
    min_gain: float = 0.0
    keep_best: bool = True

    def __post_init__(self):
        if self.patience is not None and self.patience < 1:
            raise ConfigError(f"patience {self.patience} is not positive; None waits for ever")
        if not self.min_gain >= 0:
            raise ConfigError(f"min_gain {self.min_gain} is negative")


class MetricWatch:
    """The best value of a metric and how many measurements ago it was.

    Attributes:
      settings: what is watched.
      best_step: the step whose value is the best, or None before the first.
      best_value: that value.
      waited: measurements since then.
      last_step: the step of the latest measurement, or None.
    """

    def __init__(self, settings: WatchSettings):
        self.settings = settings
        self.best_step: int | None = None
        self.best_value: float | None = None
        self.waited = 0
        self.last_step: int | None = None

    def see(self, step: int, measured: Mapping[str, float]) -> bool:
        """Takes in what was measured after a step.

        Args:
          step: steps done; rises from call to call.
          measured: by name; nothing happens where it is empty.

        Returns:
          Whether the step is the best so far.

        Raises:
          ConfigError: something was measured, but not the metric that is watched.
        """
        if not measured:
            return False
        if self.settings.metric not in measured:
            raise ConfigError(
                f"'{self.settings.metric}' is watched, but what is measured is: "
                f"{', '.join(sorted(measured))}. Name one of these")
        value = float(measured[self.settings.metric])
        self.last_step = step
        if not self._is_better(value):
            self.waited += 1
            return False
        self.best_step, self.best_value, self.waited = step, value, 0
        return True

    @property
    def stops(self) -> bool:
        """Whether a better value has been waited for long enough."""
        return self.settings.patience is not None and self.waited >= self.settings.patience

    def memory(self) -> dict[str, Any]:
        """JSON values from which `recall` goes on."""
        return {"metric": self.settings.metric, "higher_is_better": self.settings.higher_is_better,
                "best_step": self.best_step, "best_value": self.best_value,
                "waited": self.waited, "last_step": self.last_step}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Goes on from what a watch of the same metric remembered; another's begins anew."""
        same = all(memory.get(name) == getattr(self.settings, name)
                   for name in ("metric", "higher_is_better"))
        if same:
            for name in ("best_step", "best_value", "waited", "last_step"):
                setattr(self, name, memory[name])

    def _is_better(self, value: float) -> bool:
        """NaN is never better, not even than nothing."""
        if self.best_value is None:
            return value == value
        gain = value - self.best_value if self.settings.higher_is_better else (
            self.best_value - value)
        return gain > self.settings.min_gain
