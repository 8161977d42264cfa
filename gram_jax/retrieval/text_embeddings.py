"""Mean-pooled encoder outputs of many texts, in batches of few shapes.

Knows rows of tokens; nothing of what the texts are.
"""

import functools
from pathlib import Path

import jax
import numpy as np

from gram_jax.core.digest import digest_arrays, digest_texts
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, bind, digest_params
from gram_jax.models.text_embedding import mean_pooled
from gram_jax.retrieval.kept_parts import KeptParts

_LENGTH_STEP = 8
_BATCHES_A_PART = 64


def text_embeddings(config: ModelConfig, params: Params, tokens: np.ndarray, *,
                    batch_size: int = 128, folder: Path | None = None,
                    progress=lambda iterable, description, total: iterable) -> np.ndarray:
    """The embedding of every row of tokens.

    Rows are taken by length, so that little is padding.

    Args:
      config: sizes of the model.
      params: its parameters.
      tokens: int32 [texts, length], EOS included; 0 is padding.
      batch_size: rows encoded together.
      folder: where finished parts are kept, so that a killed run goes on; None keeps none.
      progress: shown over the parts.

    Returns:
      float16 [texts, d_model].
    """
    lengths = (tokens != 0).sum(axis=1)
    order = np.argsort(lengths, kind="stable")
    rows_a_part = _BATCHES_A_PART * batch_size
    parts = KeptParts(folder, digest_texts([digest_params(params), str(batch_size),
                                            digest_arrays({"tokens": tokens})]))
    on_device = jax.device_put(params)

    def compute(rows: np.ndarray) -> np.ndarray:
        found = np.zeros((len(rows), config.d_model), np.float16)
        for start in range(0, len(rows), batch_size):
            chosen = rows[start:start + batch_size]
            length = max(1, -(-int(lengths[chosen[-1]]) // _LENGTH_STEP)) * _LENGTH_STEP
            batch = np.zeros((batch_size, length), np.int32)
            shown = tokens[chosen, :length]
            batch[:len(chosen), :shown.shape[1]] = shown
            embedded = _embed(config, on_device, batch)
            found[start:start + len(chosen)] = np.asarray(embedded)[:len(chosen)]
        return found

    embeddings = np.zeros((len(tokens), config.d_model), np.float16)
    starts = range(0, len(tokens), rows_a_part)
    for number, start in enumerate(progress(starts, "embed products", len(starts))):
        rows = order[start:start + rows_a_part]
        embeddings[rows] = parts.part(number, functools.partial(compute, rows))
    return embeddings


@functools.partial(jax.jit, static_argnames="config")
def _embed(config: ModelConfig, params: Params, tokens: jax.Array) -> jax.Array:
    return mean_pooled(bind(config, params).encode(tokens), tokens)
