"""Mean-pooled encoder outputs of many texts, in batches of few shapes.

Knows rows of tokens; nothing of what the texts are.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from gram_jax.core.digest import digest_arrays, digest_texts
from gram_jax.core.kept_arrays import Arrays, kept_arrays
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, bind, digest_params
from gram_jax.models.text_embedding import mean_pooled
from gram_jax.retrieval.length_batches import LengthBatch, length_batches


def text_embeddings(config: ModelConfig, params: Params, tokens: np.ndarray, *,
                    batch_size: int = 128, folder: Path | None = None,
                    progress=lambda iterable, description, total: iterable) -> np.ndarray:
    """The embedding of every row of tokens.

    Args:
      config: sizes of the model.
      params: its parameters.
      tokens: int32 [texts, length], EOS included; 0 is padding.
      batch_size: rows encoded together.
      folder: where finished chunks are kept, so that a killed run goes on; None keeps none.
      progress: shown over the chunks.

    Returns:
      float16 [texts, d_model].
    """
    chunks = length_batches((tokens != 0).sum(axis=1), batch_size=batch_size,
                            max_length=tokens.shape[1])
    fingerprint = "" if folder is None else digest_texts([
        digest_params(params), repr(config), str(batch_size), digest_arrays({"tokens": tokens})])
    on_device = jax.device_put(params)
    embeddings = np.zeros((len(tokens), config.d_model), np.float16)
    for number, chunk in enumerate(progress(chunks, "embed products", len(chunks))):
        path = None if folder is None else folder / f"embeddings-{number:06}.npz"
        found = kept_arrays(path, fingerprint, functools.partial(
            _embed_chunk, config, on_device, tokens, chunk, batch_size))
        embeddings[np.concatenate([batch.texts for batch in chunk])] = found["embeddings"]
    return embeddings


def _embed_chunk(config: ModelConfig, params: Params, tokens: np.ndarray,
                 chunk: Sequence[LengthBatch], batch_size: int) -> Arrays:
    """`embeddings` float16 [texts of the chunk, d_model], batch after batch."""
    parts = []
    for batch in chunk:
        # Rows of padding fill up the last batch, so that all batches of a length share a program.
        padded = np.zeros((batch_size, batch.length), np.int32)
        padded[:len(batch.texts)] = tokens[batch.texts, :batch.length]
        embedded = np.asarray(_embed(config, params, padded))
        parts.append(embedded[:len(batch.texts)].astype(np.float16))
    return {"embeddings": np.concatenate(parts)}


@functools.partial(jax.jit, static_argnames="config")
def _embed(config: ModelConfig, params: Params, tokens: jax.Array) -> jax.Array:
    return mean_pooled(bind(config, params).encode(tokens), tokens)
