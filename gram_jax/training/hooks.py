"""What happens besides training every so many steps. Hooks read the state and never change it."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import jax

from gram_jax.models.objectives import Objective
from gram_jax.training.train_state import TrainState
from gram_jax.training.train_step import mean_metrics


class Hook(Protocol):
    """Called after every `every_steps`-th step and after the last."""

    every_steps: int

    def __call__(
        self, step: int, state: TrainState, metrics: Mapping[str, float]
    ) -> Mapping[str, float] | None:
        """Runs before the next step begins.

        Args:
          step: steps done.
          state: the state after them; its arrays are gone when the next step begins.
          metrics: the latest that were written, which may be a few steps old: the values of the
            last step are still being computed, and waiting for them would leave the device idle.

        Returns:
          Metrics to write for this step, if any.
        """


@dataclasses.dataclass(frozen=True)
class ProgressHook:
    """Tells a callable, such as a progress bar's, how far the run is."""

    show: Callable[[int, Mapping[str, float]], None]  # (steps done, latest metrics)
    every_steps: int = 1

    def __call__(self, step: int, state: TrainState, metrics: Mapping[str, float]) -> None:
        """Shows the step and the latest metrics."""
        self.show(step, metrics)


@dataclasses.dataclass(frozen=True)
class EvaluationHook:
    """Measures the params, and names each measure `prefix/name`."""

    evaluate: Callable[[Any], Mapping[str, float]]  # params -> measures
    every_steps: int
    prefix: str = "tune"

    def __call__(
        self, step: int, state: TrainState, metrics: Mapping[str, float]
    ) -> Mapping[str, float]:
        """Measures the params of the state."""
        return {f"{self.prefix}/{name}": float(value)
                for name, value in self.evaluate(state.params).items()}


def objective_evaluation(
    objective: Objective, batches: Callable[[], Iterable[Any]]
) -> Callable[[Any], Mapping[str, float]]:
    """An `evaluate` for the hook: the objective itself on other data, without dropout.

    Args:
      objective: as in training.
      batches: called for every evaluation; gives the same batches each time, at least one.

    Returns:
      params -> loss and the objective's metrics per unit of weight, over all batches.
    """
    @jax.jit
    def sums(params, batch):
        value = objective(params, batch, None)
        return value.loss_sum, value.weight_sum, dict(value.metrics)

    def evaluate(params: Any) -> Mapping[str, float]:
        totals = None
        for batch in batches():
            of_batch = sums(params, batch)
            totals = of_batch if totals is None else jax.tree.map(
                lambda total, part: total + part, totals, of_batch)
        if totals is None:
            raise ValueError("an evaluation needs at least one batch")
        return {name: float(value) for name, value in mean_metrics(*totals).items()}

    return evaluate
