"""What a stage that trains the model leaves for those after it: parameters and sizes."""

import dataclasses
import json
from pathlib import Path

from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, load_params, save_params
from gram_jax.pipeline.stage import StageContext

TRAININGS = ("train", "cotrain", "align")
"""The stages that leave a trained model, in the order they run; all but the first are optional."""

_PARAMS, _MODEL = "params.npz", "model.json"


def trained_folder(context: StageContext) -> Path:
    """The folder of the last training among a stage's inputs.

    A stage that asks reads 'train', and has the other trainings before it as optional inputs.
    """
    *_, last = (context.inputs[name] for name in TRAININGS if name in context.inputs)
    return last


def save_trained(folder: Path, config: ModelConfig, params: Params) -> None:
    """Writes what `load_trained` reads into a stage's folder."""
    save_params(folder / _PARAMS, params)
    with atomic_file(folder / _MODEL) as stream:
        json.dump(dataclasses.asdict(config), stream, indent=2)


def load_trained(folder: Path) -> tuple[ModelConfig, Params]:
    """The sizes and parameters of the model that a training left.

    Raises:
      ArtifactError: they are missing, damaged, or do not belong together.
    """
    try:
        config = ModelConfig(**json.loads((folder / _MODEL).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, ConfigError) as error:
        raise ArtifactError(f"{folder} holds no readable {_MODEL} ({error}): run the stage "
                            f"'{folder.name}' again") from error
    return config, load_params(folder / _PARAMS, config)
