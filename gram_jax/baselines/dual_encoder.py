"""Texts to vectors that meet where a product answers a query: what DPR trains, or MiniLM as is.

Knows the encoder, its vocabulary and its prompts; nothing of how it was trained or of search.
"""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from gram_jax.baselines.model_files import load_model, save_model, unusable
from gram_jax.core.errors import ConfigError
from gram_jax.core.protocols import Vocabulary
from gram_jax.models.config import ModelConfig
from gram_jax.models.dual_encoder import Similarity
from gram_jax.models.params import Params, init_params, replace_params
from gram_jax.retrieval.text_embeddings import text_embeddings
from gram_jax.text.encoding import encode_inputs
from gram_jax.text.normal_form import normalize_text
from gram_jax.text.prompts import PRODUCT_PREFIX, QUERY_PREFIX
from gram_jax.text.vocabulary_files import StoredVocabulary
from gram_jax.text.wordpiece import WordPieceVocabulary

_SHORTEST = 1e-12


@dataclasses.dataclass(frozen=True, kw_only=True)
class DualEncoderTexts:
    """What the encoder reads of queries and of products.

    Args:
      query_prefix: in front of a query.
      product_prefix: in front of a product's text.
      max_query_length: tokens kept of a query with its prefix, marks and EOS included.
      max_product_length: the same of a product's text.

    Raises:
      ConfigError: there is no room for a text.
    """

    query_prefix: str = QUERY_PREFIX
    product_prefix: str = PRODUCT_PREFIX
    max_query_length: int = 24
    max_product_length: int = 40

    def __post_init__(self):
        if min(self.max_query_length, self.max_product_length) < 3:
            raise ConfigError(f"{self}: lengths are 3 or more, for a mark, a token and EOS")

    def query_tokens(self, vocabulary: Vocabulary, texts: Sequence[str]) -> np.ndarray:
        """int32 [texts, max_query_length], 0 is padding."""
        return encode_inputs(vocabulary, [self.query_prefix + normalize_text(text)
                                          for text in texts], self.max_query_length)

    def product_tokens(self, vocabulary: Vocabulary, texts: Sequence[str]) -> np.ndarray:
        """int32 [texts, max_product_length], 0 is padding."""
        return encode_inputs(vocabulary, [self.product_prefix + normalize_text(text)
                                          for text in texts], self.max_product_length)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class DualEncoder:
    """An encoder with its parameters: texts in, vectors out, whose inner products are similarities.

    Args:
      config: sizes of the model.
      params: its parameters.
      vocabulary: of the model.
      texts: what it reads.
      similarity: that it was trained with.
      batch_size: texts encoded together.
    """

    config: ModelConfig
    params: Params
    vocabulary: StoredVocabulary
    texts: DualEncoderTexts = DualEncoderTexts()
    similarity: Similarity = "cosine"
    batch_size: int = 128

    def embed_queries(self, texts: Sequence[str], *, batch_size: int | None = None) -> np.ndarray:
        """float32 [texts, d_model]; with cosine similarity of length 1."""
        tokens = self.texts.query_tokens(self.vocabulary, texts)
        found = text_embeddings(self.config, self.params, tokens,
                                batch_size=batch_size or self.batch_size)
        return self._scaled(found)

    def embed_products(self, texts: Sequence[str], *, folder: Path | None = None,
                       progress=lambda iterable, description, total: iterable) -> np.ndarray:
        """float16 [texts, d_model]; with cosine similarity of length 1, up to rounding.

        Args:
          texts: of the catalogue's products.
          folder: where finished chunks are kept, so that a killed run goes on; None keeps none.
          progress: shown over the chunks.
        """
        tokens = self.texts.product_tokens(self.vocabulary, texts)
        found = text_embeddings(self.config, self.params, tokens, batch_size=self.batch_size,
                                folder=folder, progress=progress)
        return self._scaled(found).astype(np.float16)

    def save(self, folder: str | os.PathLike) -> None:
        """Writes parameters, vocabulary and settings; none of it is a pickle."""
        save_model(folder, self.config, self.params, self.vocabulary,
                   {"texts": dataclasses.asdict(self.texts), "similarity": self.similarity,
                    "batch_size": self.batch_size})

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "DualEncoder":
        """Reads what `save` wrote.

        Raises:
          ArtifactError: something is missing or damaged.
        """
        config, params, vocabulary, settings = load_model(folder)
        try:
            texts = DualEncoderTexts(**settings.pop("texts"))
            return cls(config=config, params=params, vocabulary=vocabulary, texts=texts, **settings)
        except (KeyError, TypeError, ConfigError) as error:
            raise unusable(folder, error) from error

    def _scaled(self, embeddings: np.ndarray) -> np.ndarray:
        embeddings = embeddings.astype(np.float32)
        if self.similarity == "dot":
            return embeddings
        lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
        return embeddings / np.maximum(lengths, _SHORTEST)


def pretrained_dual_encoder(model: Callable[..., ModelConfig], vocabulary: Callable[..., bytes],
                            initial_params: Callable[..., Mapping[str, np.ndarray]], *,
                            max_query_length: int = 24, max_product_length: int = 40,
                            batch_size: int = 128) -> DualEncoder:
    """A pretrained sentence encoder as it is, without prompts: the zero-shot reference.

    Args:
      model: makes a `ModelConfig` with the encoder's sizes when given the vocabulary's.
      vocabulary: makes the file of the encoder's vocabulary (`interop.bert.bert_vocabulary`).
      initial_params: the pretrained arrays (`interop.bert.bert_encoder`).
      max_query_length, max_product_length: tokens kept of a text.
      batch_size: texts encoded together.
    """
    words = WordPieceVocabulary(vocabulary(()))
    config = model(vocab_size=words.vocab_size, output_vocab_size=words.output_vocab_size)
    params = replace_params(init_params(config, seed=0), initial_params(config, words))
    texts = DualEncoderTexts(query_prefix="", product_prefix="", max_query_length=max_query_length,
                             max_product_length=max_product_length)
    return DualEncoder(config=config, params=params, vocabulary=words, texts=texts,
                       batch_size=batch_size)
