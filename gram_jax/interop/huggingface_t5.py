"""A model of T5's family as a folder of `transformers`: read as ours, and ours written as one.

    model, params = read_huggingface_t5("google/flan-t5-small")
    write_huggingface_t5("my_model", params, config, vocabulary)

The functions called `huggingface_...` are what gin binds, as gin/models/t5_pretrained.gin shows.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gram_jax.core.atomic import atomic_directory
from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.interop.fitting import fitted, sized_config
from gram_jax.interop.huggingface import (
    embedding_rows,
    has_own_logits,
    params_of_state_dict,
    state_dict,
)
from gram_jax.interop.huggingface_config import config_json, model_config
from gram_jax.interop.pretrained_folder import (
    CONFIG,
    SENTENCEPIECE,
    folder_pieces,
    local_folder,
    read_json,
    read_weights,
    weight_shapes,
    write_weights,
)
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, abstract_params, named_params
from gram_jax.text.vocabulary import SentencePieceVocabulary
from gram_jax.text.vocabulary_files import StoredVocabulary


class Pretrained(NamedTuple):
    """A whole model: its sizes, and its parameters by their paths, such as 'encoder/...'."""

    config: ModelConfig
    arrays: dict[str, np.ndarray]


def read_huggingface_t5(source: str) -> Pretrained:
    """Reads all of a published model.

    Args:
      source: a folder, or a name on the Hugging Face hub.

    Raises:
      ConfigError: there is no such folder or name, or the model is not of T5's family.
      ArtifactError: a file is missing or damaged, or does not hold what its config.json says.
    """
    folder = local_folder(source)
    config = _config(folder)
    arrays = params_of_state_dict(read_weights(folder), config)
    wrong = [f"{path} has shape {arrays[path].shape} and config.json means {wanted.shape}"
             for path, wanted in named_params(abstract_params(config))
             if arrays[path].shape != wanted.shape]
    if wrong:
        raise ArtifactError(f"{folder}: {'; '.join(wrong[:3])}")
    return Pretrained(config, arrays)


def huggingface_t5_config(
    *, source: str, vocab_size: int, output_vocab_size: int | None = None,
    dropout_rate: float | None = None, compute_dtype: str = "float32",
    remat: str = "none", scan_layers: bool = False, max_logit_tokens: int | None = None,
) -> ModelConfig:
    """The sizes of a published model, for `train.model`.

    Args:
      source: a folder, or a name on the Hugging Face hub.
      vocab_size, output_vocab_size: of the run's vocabulary.
      dropout_rate: None takes the published one.
      compute_dtype, remat, scan_layers, max_logit_tokens: as of `ModelConfig`.

    Raises:
      ConfigError: it is no model of T5's family, or the vocabulary is not the one it goes with.
      ArtifactError: a file is missing or damaged.
    """
    return sized_config(_config(local_folder(source)), vocab_size=vocab_size, where=str(source),
                        output_vocab_size=output_vocab_size, dropout_rate=dropout_rate,
                        compute_dtype=compute_dtype, remat=remat, scan_layers=scan_layers,
                        max_logit_tokens=max_logit_tokens)


def huggingface_t5(
    config: ModelConfig, vocabulary: StoredVocabulary, *, source: str
) -> dict[str, np.ndarray]:
    """All parameters of a published model, for `train.initial_params`.

    Args:
      config: the model that is to hold them.
      vocabulary: of the run; its tokens must have the published ids.
      source: a folder, or a name on the Hugging Face hub.

    Returns:
      Float32 arrays by their paths, for `models.params.replace_params`.

    Raises:
      ConfigError: the sizes or the vocabulary are not the published model's.
      ArtifactError: a file is missing or damaged.
    """
    folder = local_folder(source)
    pretrained = read_huggingface_t5(str(folder))
    return fitted(pretrained.arrays, pretrained.config, config=config, vocabulary=vocabulary,
                  pieces=folder_pieces(folder), where=str(source))


def huggingface_vocabulary(*, source: str) -> str:
    """The SentencePiece file of a published model, for `build_vocabulary.model_file`.

    Raises:
      ConfigError: there is no such folder or name.
      ArtifactError: it has no such file.
    """
    path = local_folder(source) / SENTENCEPIECE
    if not path.is_file():
        raise ArtifactError(f"{path}: there is no vocabulary here; every model that Google "
                            "published of T5's family has one, which a tuned model shares")
    return str(path)


def write_huggingface_t5(
    folder: str | os.PathLike, params: Params, config: ModelConfig,
    vocabulary: StoredVocabulary | None = None,
) -> None:
    """Writes a folder that `transformers` loads with `from_pretrained`.

    It has config.json, model.safetensors and, of a SentencePiece vocabulary, spiece.model with a
    tokenizer_config.json. What was in the folder is replaced, once all is written.

    Args:
      folder: made where it is missing.
      params: the model's parameters.
      config: its sizes.
      vocabulary: what texts are tokenised with.

    Raises:
      ConfigError: T5's family has no such model.
    """
    weights = state_dict(params, config)
    with atomic_directory(folder) as fresh:
        fields = config_json(config, eos_id=1 if vocabulary is None else vocabulary.eos_id)
        _write_json(fresh / CONFIG, fields)
        write_weights(fresh, weights)
        if isinstance(vocabulary, SentencePieceVocabulary):
            (fresh / SENTENCEPIECE).write_bytes(vocabulary.model_bytes)
            piece = dict(enumerate(vocabulary.pieces))
            _write_json(fresh / "tokenizer_config.json", {
                "tokenizer_class": "T5Tokenizer", "extra_ids": 0,
                "pad_token": piece[vocabulary.pad_id], "eos_token": piece[vocabulary.eos_id],
                "unk_token": piece[vocabulary.unk_id]})


def _config(folder: Path) -> ModelConfig:
    shapes = weight_shapes(folder)
    rows = embedding_rows(shapes)
    if rows is None:
        raise ConfigError(f"{folder} holds a model without T5's embedding 'shared.weight'")
    return model_config(read_json(folder / CONFIG), vocab_size=rows,
                        tie_embeddings=not has_own_logits(shapes), path=folder / CONFIG)


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
