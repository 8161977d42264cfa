"""A baseline's model as files: sizes, parameters, vocabulary, settings, and none of it a pickle."""

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, load_params, save_params
from gram_jax.text.vocabulary_files import StoredVocabulary, load_vocabulary

_PARAMS, _FIELDS, _VOCABULARY = "params.npz", "model.json", "vocabulary.model"


def save_model(folder: str | os.PathLike, config: ModelConfig, params: Params,
               vocabulary: StoredVocabulary, settings: Mapping[str, Any]) -> None:
    """Writes what `load_model` reads; `settings` are JSON values."""
    folder = Path(folder)
    save_params(folder / _PARAMS, params)
    with atomic_file(folder / _VOCABULARY, "wb") as stream:
        stream.write(vocabulary.model_bytes)
    with atomic_file(folder / _FIELDS) as stream:
        json.dump({"config": dataclasses.asdict(config), "settings": dict(settings)}, stream,
                  indent=2)


def load_model(folder: str | os.PathLike
               ) -> tuple[ModelConfig, Params, StoredVocabulary, dict[str, Any]]:
    """Sizes, parameters on the device, vocabulary and settings.

    Raises:
      ArtifactError: something is missing or damaged.
    """
    folder = Path(folder)
    try:
        row = json.loads((folder / _FIELDS).read_text(encoding="utf-8"))
        config, settings = ModelConfig(**row["config"]), dict(row["settings"])
    except (OSError, ValueError, KeyError, TypeError, ConfigError) as error:
        raise unusable(folder, error) from error
    return config, load_params(folder / _PARAMS, config), load_vocabulary(folder / _VOCABULARY), \
        settings


def unusable(folder: str | os.PathLike, error: Exception) -> ArtifactError:
    """The error for a folder whose settings are not those of the model that was to be read."""
    return ArtifactError(f"{folder} holds no readable {_FIELDS} ({error}): train the model again")
