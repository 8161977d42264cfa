"""Training a dual encoder: the contrastive objective over batches of clicks.

One call is one round. Rounds with negatives of the encoder before are calls with other batches.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jax.sharding import Mesh

from gram_jax.baselines.dual_encoder import DualEncoder
from gram_jax.baselines.dual_encoder_batches import ContrastiveBatches
from gram_jax.baselines.training import BaselineTraining, trained_params
from gram_jax.models.dual_encoder import dual_encoder_objective

if TYPE_CHECKING:
    from gram_jax.training.hooks import Hook


def train_dual_encoder(encoder: DualEncoder, batches: ContrastiveBatches,
                       training: BaselineTraining, *, mesh: Mesh, folder: Path,
                       temperature: float = 0.05, hooks: Sequence["Hook"] = ()) -> DualEncoder:
    """The encoder after training, or after what was left of it when it was interrupted.

    Args:
      encoder: where training starts: the project's own parameters, or a pretrained encoder.
      batches: clicks in the tokens that the encoder reads (`DualEncoderTexts`).
      training: how. Freeze what takes no part with `rate_multipliers={"decoder": 0.0}`.
      mesh: the devices.
      folder: gets checkpoints and metrics.jsonl.
      temperature: what similarities are divided by; 1 in DPR, whose similarity is 'dot'.
      hooks: called every so many steps.

    Raises:
      TrainingError, Interrupted, ArtifactError: as of `training.trained_params`.
    """
    objective = dual_encoder_objective(encoder.config, temperature=temperature,
                                       similarity=encoder.similarity)
    params = trained_params(
        training, encoder.config, encoder.params, objective, batches, mesh=mesh, folder=folder,
        hooks=hooks, metadata={"similarity": encoder.similarity, "temperature": temperature})
    return dataclasses.replace(encoder, params=params)
