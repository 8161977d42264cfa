"""How a baseline that learns is trained: the trainer with settings that a stage binds.

Knows parameters, an objective and batches; nothing of what they are about.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
from jax.sharding import Mesh

from gram_jax.models.config import ModelConfig
from gram_jax.models.objectives import Objective
from gram_jax.models.params import Params, logical_axes

if TYPE_CHECKING:  # They load a stack (orbax) that whoever only searches does not need.
    from gram_jax.training.hooks import Hook
    from gram_jax.training.optimizers import Optimizer
    from gram_jax.training.trainer import CheckpointableIterator


@dataclasses.dataclass(frozen=True, kw_only=True)
class BaselineTraining:
    """One run of the trainer.

    Args:
      optimizer: what takes the steps.
      num_steps: of the whole run.
      seed: of the dropout.
      checkpoint_every: steps between checkpoints.
      log_every: steps between rows of metrics.jsonl.
    """

    optimizer: "Optimizer"
    num_steps: int
    seed: int
    checkpoint_every: int = 500
    log_every: int = 50


def trained_params(training: BaselineTraining, config: ModelConfig, params: Params,
                   objective: Objective, batches: "CheckpointableIterator", *, mesh: Mesh,
                   folder: Path, hooks: Sequence["Hook"] = (),
                   metadata: Mapping[str, Any] | None = None) -> Params:
    """Trains from `params`, or goes on from the latest checkpoint in the folder.

    Args:
      training: how.
      config: the model's sizes.
      params: where a run without checkpoint starts.
      objective: what is minimised.
      batches: what is learned from.
      mesh: the devices; its data axis divides the batch.
      folder: gets checkpoints and metrics.jsonl.
      hooks: called every so many steps.
      metadata: JSON values besides the sizes that must be the same when the run goes on.

    Returns:
      The parameters after the last step, on the host.

    Raises:
      TrainingError: the loss is not finite.
      Interrupted: a signal came; what was done is saved.
      ArtifactError: the latest checkpoint is damaged or belongs to another run.
    """
    from gram_jax.training import trainer
    from gram_jax.training.metric_writer import JsonlMetricWriter

    folder = Path(folder)
    state = trainer.train(
        objective=objective, params=params, logical_axes=logical_axes(config),
        optimizer=training.optimizer, batches=batches, num_steps=training.num_steps,
        seed=training.seed, mesh=mesh, hooks=hooks, checkpoint_dir=str(folder / "checkpoints"),
        checkpoint_every=training.checkpoint_every, log_every=training.log_every,
        metric_writer=JsonlMetricWriter(folder / "metrics.jsonl"),
        metadata={"model": dataclasses.asdict(config), **(metadata or {})})
    return jax.device_get(state.params)
