"""Pretrained parameters against the model and the vocabulary that are to hold them.

What does not fit is a ConfigError before anything is computed. Knows no files and no other
library's names.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from gram_jax.core.errors import ConfigError
from gram_jax.models.config import ModelConfig
from gram_jax.text.vocabulary import SentencePieceVocabulary
from gram_jax.text.vocabulary_files import StoredVocabulary

_ARCHITECTURE = (
    "d_model", "d_ff", "num_heads", "head_dim", "num_encoder_layers", "num_decoder_layers",
    "num_relative_buckets", "max_relative_distance", "feed_forward", "per_layer_relative_bias",
    "tie_embeddings", "scales_logits",
)
"""What decides which parameters there are and what is computed of them."""

_WORDS, _LOGITS = "token_embedder/embedding", "decoder/logits_dense/kernel"
_MOST_SPARE_ROWS = 1024
"""Published tables have up to 384 rows behind the vocabulary: sentinels, and what makes the size
round. A vocabulary that leaves many more is not the one that they were trained with."""


def sized_config(found: ModelConfig, *, vocab_size: int, output_vocab_size: int | None, where: str,
                 dropout_rate: float | None, **computation: object) -> ModelConfig:
    """A pretrained model's config for a run with a vocabulary of its own choice.

    Args:
      found: the pretrained model.
      vocab_size, output_vocab_size: of the vocabulary.
      where: names the pretrained model in errors.
      dropout_rate: None keeps that of the pretrained model.
      computation: fields of the `ModelConfig` that say how it is computed.

    Returns:
      The config with all rows of the pretrained table, sentinels and spare ones included.

    Raises:
      ConfigError: the vocabulary has more tokens, or not all of its tokens have logits.
    """
    if output_vocab_size not in (None, vocab_size):
        raise ConfigError(f"{where} has logits for all tokens, the vocabulary of this run spells "
                          f"codes in {output_vocab_size} of {vocab_size}: bind "
                          "build_vocabulary.model_file to its SentencePiece model")
    if vocab_size > found.vocab_size:
        raise ConfigError(_other_vocabulary(vocab_size, found.vocab_size, where))
    return dataclasses.replace(
        found, dropout_rate=found.dropout_rate if dropout_rate is None else dropout_rate,
        **computation)


def fitted(arrays: Mapping[str, np.ndarray], found: ModelConfig, *, config: ModelConfig,
           vocabulary: StoredVocabulary, pieces: Sequence[str] | None, where: str,
           ) -> dict[str, np.ndarray]:
    """The arrays as the parameters of a model of `config`.

    Args:
      arrays: all parameters of the pretrained model by their paths.
      found: its config.
      config: the model that is to hold them; it may have rows for the vocabulary's tokens only, or
        all of the pretrained ones.
      vocabulary: of the run.
      pieces: the tokens of the pretrained model by their ids; None where nothing says.
      where: names the pretrained model in errors.

    Returns:
      For every path of the model an array of its shape.

    Raises:
      ConfigError: sizes, or tokens and their ids, are not the same.
    """
    check_architecture(found, config, where)
    _check_vocabulary(vocabulary, pieces, found.vocab_size, where)
    if config.vocab_size not in (found.vocab_size, vocabulary.vocab_size):
        raise ConfigError(f"ModelConfig.vocab_size is {config.vocab_size}; {where} has "
                          f"{found.vocab_size} tokens and the vocabulary {vocabulary.vocab_size}")
    cut = dict(arrays)
    cut[_WORDS] = np.ascontiguousarray(cut[_WORDS][:config.vocab_size])
    if not config.tie_embeddings:
        cut[_LOGITS] = np.ascontiguousarray(cut[_LOGITS][:, :config.output_vocab_size])
    return cut


def check_architecture(found: ModelConfig, config: ModelConfig, where: str) -> None:
    """Raises a ConfigError that names every size in which two models differ."""
    if config.encoder is not None:
        raise ConfigError(f"{where} has T5's encoder, and ModelConfig.encoder is BERT's")
    if differing := [f"{name} is {getattr(found, name)!r} there and {getattr(config, name)!r} here"
                     for name in _ARCHITECTURE if getattr(found, name) != getattr(config, name)]:
        raise ConfigError(f"{where} is another model than ModelConfig: {'; '.join(differing)}")


def _check_vocabulary(vocabulary: StoredVocabulary, pieces: Sequence[str] | None, rows: int,
                      where: str) -> None:
    if not isinstance(vocabulary, SentencePieceVocabulary):
        raise ConfigError(f"{where} goes with a SentencePiece vocabulary: bind "
                          "build_vocabulary.model_file to it")
    if vocabulary.vocab_size > rows or (pieces is None
                                        and rows - vocabulary.vocab_size > _MOST_SPARE_ROWS):
        raise ConfigError(_other_vocabulary(vocabulary.vocab_size, rows, where))
    if pieces is None:
        return
    ours = vocabulary.pieces
    for token, (our_piece, their_piece) in enumerate(zip(ours, pieces)):
        if our_piece != their_piece:
            raise ConfigError(f"the vocabulary is not that of {where}: token {token} is "
                              f"{our_piece!r} here and {their_piece!r} there. Bind "
                              "build_vocabulary.model_file to its SentencePiece model")
    if len(ours) > len(pieces):
        raise ConfigError(f"the vocabulary is not that of {where}: it has {len(ours)} tokens and "
                          f"that one {len(pieces)}")


def _other_vocabulary(tokens: int, rows: int, where: str) -> str:
    return (f"the vocabulary has {tokens} tokens and {where} was trained with {rows}: bind "
            "build_vocabulary.model_file to the SentencePiece model that belongs to it")
