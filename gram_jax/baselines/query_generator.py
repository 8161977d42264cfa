"""Products to queries that shoppers might type for them: the model behind DocT5Query.

Nogueira and Lin, 'From doc2query to docTTTTTquery', 2019; here with this project's encoder-decoder.
Knows the model and its vocabulary; nothing of what the queries are for.
"""

import dataclasses
import functools
import os
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from gram_jax.baselines.model_files import load_model, save_model, unusable
from gram_jax.core.digest import digest_arrays, digest_texts
from gram_jax.core.errors import ConfigError
from gram_jax.core.kept_arrays import Arrays, kept_arrays
from gram_jax.decoding.sampling import sample
from gram_jax.models.cached_decoder import CachedDecoder
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, digest_params
from gram_jax.retrieval.length_batches import LengthBatch, length_batches
from gram_jax.text.encoding import encode_inputs, with_eos
from gram_jax.text.normal_form import normalize_text
from gram_jax.text.vocabulary_files import StoredVocabulary

_PROMPT = "query of product: "
"""Another than those of codes, which the model may have learned before."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuerySampling:
    """How queries are drawn.

    Args:
      num_queries: of a product; alike ones are among them.
      top_k: a token is drawn among so many most probable ones.
      temperature: the lower, the more the probable ones come.
      seed: of the draws, not negative.

    Raises:
      ConfigError: a setting makes no sense.
    """

    num_queries: int = 20
    top_k: int = 10
    temperature: float = 1.0
    seed: int = 0

    def __post_init__(self):
        if min(self.num_queries, self.top_k) < 1 or not self.temperature > 0 or self.seed < 0:
            raise ConfigError(f"{self}: num_queries and top_k are 1 or more, the temperature is "
                              "above 0 and the seed not negative")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class QueryGenerator:
    """A model with its parameters: texts of products in, queries out.

    Args:
      config: sizes of the model.
      params: its parameters.
      vocabulary: of the model.
      max_product_length: tokens kept of a product's text with its prompt, marks and EOS included.
      max_query_length: tokens of a query, EOS included; longer ones are cut.

    Raises:
      ConfigError: there is no room for a text.
    """

    config: ModelConfig
    params: Params
    vocabulary: StoredVocabulary
    max_product_length: int = 40
    max_query_length: int = 16

    def __post_init__(self):
        if self.max_product_length < 3 or self.max_query_length < 2:
            raise ConfigError(f"max_product_length is {self.max_product_length} and "
                              f"max_query_length {self.max_query_length}: 3 and 2 at least")

    def product_tokens(self, texts: Sequence[str]) -> np.ndarray:
        """What the encoder reads: int32 [texts, max_product_length]; all 0 for a text of nothing.
        """
        normal = [normalize_text(text) for text in texts]
        rows = encode_inputs(self.vocabulary, [_PROMPT + text for text in normal],
                             self.max_product_length)
        rows[np.fromiter((not text for text in normal), bool, len(normal))] = 0
        return rows

    def query_targets(self, texts: Sequence[str]) -> np.ndarray:
        """What the decoder is to say: int32 [texts, max_query_length], EOS included, 0 after it.

        Raises:
          ConfigError: a query has tokens that the model never generates.
        """
        rows = self.vocabulary.encode([normalize_text(text) for text in texts])
        targets = with_eos([row[:self.max_query_length - 1] for row in rows],
                           self.vocabulary.eos_id, self.max_query_length)
        if targets.max(initial=0) >= self.config.output_vocab_size:
            raise ConfigError(f"queries have tokens up to {targets.max()}, the model generates "
                              f"those below {self.config.output_vocab_size}: build the vocabulary "
                              "with the queries among the texts that are generated")
        return targets

    def generate(self, texts: Sequence[str], sampling: QuerySampling, *, batch_size: int = 64,
                 folder: Path | None = None,
                 progress=lambda iterable, description, total: iterable
                 ) -> list[tuple[str, ...]]:
        """Queries for each text, in their normal form.

        What a text gets depends on the seed, the text and its place, not on what else is there.

        Args:
          texts: of products.
          sampling: how.
          batch_size: texts that queries are drawn for together.
          folder: where finished chunks are kept, so that a killed run goes on; None keeps none.
          progress: shown over the chunks.

        Returns:
          At most `sampling.num_queries` a text: those that say nothing are left out.
        """
        rows = self.product_tokens(texts)
        chunks = length_batches((rows != 0).sum(axis=1), batch_size=batch_size,
                                max_length=self.max_product_length)
        fingerprint = "" if folder is None else digest_texts([
            digest_params(self.params), repr((self.config, sampling, batch_size)),
            str(self.max_query_length), digest_arrays({"rows": rows})])
        decoder = CachedDecoder(self.config, jax.device_put(self.params))
        queries: list[tuple[str, ...]] = [()] * len(texts)
        for number, chunk in enumerate(progress(chunks, "generate queries", len(chunks))):
            path = None if folder is None else Path(folder) / f"queries-{number:06}.npz"
            found = kept_arrays(path, fingerprint, functools.partial(
                self._sample_chunk, decoder, rows, chunk, batch_size, sampling))
            places = np.concatenate([batch.texts for batch in chunk])
            for place, samples in zip(places.tolist(), found["samples"]):
                spelled = map(normalize_text, self.vocabulary.decode(samples.tolist()))
                queries[place] = tuple(text for text in spelled if text)
        return queries

    def _sample_chunk(self, decoder: CachedDecoder, rows: np.ndarray,
                      chunk: Sequence[LengthBatch], batch_size: int,
                      sampling: QuerySampling) -> Arrays:
        """`samples` int32 [texts of the chunk, num_queries, max_query_length]."""
        parts = []
        for batch in chunk:
            # Rows of padding fill up the last batch, so that all of a length share a program.
            padded = np.zeros((batch_size, batch.length), np.int32)
            padded[:len(batch.texts)] = rows[batch.texts, :batch.length]
            numbers = np.zeros(batch_size, np.int32)
            numbers[:len(batch.texts)] = batch.texts
            found = sample(decoder, padded, numbers, sampling.seed,
                           num_samples=sampling.num_queries, max_length=self.max_query_length,
                           eos_id=self.vocabulary.eos_id, top_k=sampling.top_k,
                           temperature=sampling.temperature,
                           forbidden=(self.vocabulary.unk_id,))
            parts.append(np.asarray(found)[:len(batch.texts)])
        return {"samples": np.concatenate(parts)}

    def save(self, folder: str | os.PathLike) -> None:
        """Writes parameters, vocabulary and settings; none of it is a pickle."""
        save_model(folder, self.config, self.params, self.vocabulary,
                   {"max_product_length": self.max_product_length,
                    "max_query_length": self.max_query_length})

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "QueryGenerator":
        """Reads what `save` wrote.

        Raises:
          ArtifactError: something is missing or damaged.
        """
        config, params, vocabulary, settings = load_model(folder)
        try:
            return cls(config=config, params=params, vocabulary=vocabulary, **settings)
        except (TypeError, ConfigError) as error:
            raise unusable(folder, error) from error
