"""The words of a query as n-grams: those that stand in titles, and what the model thinks of them.

The authors' searcher of SEAL (arXiv 2204.10628) adds runs of up to three words of the query to the
n-grams that it generates, with the probabilities that the model gives them. What a query names
outright is then found though a beam was too narrow for it.
"""

import functools
from collections.abc import Sequence

import jax
import numpy as np

from gram_jax.baselines.ngram_table import NgramTable
from gram_jax.core.protocols import Vocabulary
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, bind
from gram_jax.models.teacher_forcing import code_token_log_probs
from gram_jax.text.normal_form import normalize_text

_SIZE_STEP = 8
"""Programs are compiled for multiples of so many n-grams a query."""


def occurring_word_runs(table: NgramTable, vocabulary: Vocabulary, texts: Sequence[str], *,
                        max_words: int) -> list[np.ndarray]:
    """The different runs of words of each text that occur in titles.

    Args:
      table: the n-grams of all titles.
      vocabulary: what spelled them, word by word.
      texts: queries without their prompt.
      max_words: words of a run; one of more than the table's tokens is left out.

    Returns:
      For each text int32 [n, max_tokens], 0 behind the last token.
    """
    runs, owners = [], []
    for owner, text in enumerate(texts):
        words = normalize_text(text).split()
        found = {" ".join(words[start:end]) for start in range(len(words))
                 for end in range(start + 1, min(start + max_words, len(words)) + 1)}
        runs.extend(sorted(found))
        owners.extend([owner] * len(found))
    rows = np.zeros((len(runs), table.max_tokens), np.int32)
    for row, tokens in zip(rows, vocabulary.encode(runs)):
        if len(tokens) <= table.max_tokens:
            row[:len(tokens)] = tokens
    starts, ends = table.ranges(rows)
    occurs, owners = ends > starts, np.array(owners, np.int64)
    # Two runs may be spelled alike where a vocabulary leaves out what it cannot spell.
    return [np.unique(rows[occurs & (owners == owner)], axis=0) for owner in range(len(texts))]


def ngram_log_probs(config: ModelConfig, params: Params, encoder_input_tokens: np.ndarray,
                    ngrams: Sequence[np.ndarray]) -> list[np.ndarray]:
    """ln P(n | q) of given n-grams, without an end behind them.

    Args:
      config: sizes of the model.
      params: its parameters.
      encoder_input_tokens: int32 [batch, encoder_length], 0 is padding.
      ngrams: of each row int32 [n, length], of one length; there may be fewer than rows.

    Returns:
      float32 [n] of each of `ngrams`.
    """
    most = max(map(len, ngrams), default=0)
    if not most:
        return [np.zeros(0, np.float32) for _ in ngrams]
    size = -(-most // _SIZE_STEP) * _SIZE_STEP
    padded = np.zeros((len(encoder_input_tokens), size, ngrams[0].shape[1]), np.int32)
    for row, its_ngrams in zip(padded, ngrams):
        row[:len(its_ngrams)] = its_ngrams
    log_probs = np.asarray(_log_probs(config, params, encoder_input_tokens, padded))
    return [row[:len(its_ngrams)] for row, its_ngrams in zip(log_probs, ngrams)]


@functools.partial(jax.jit, static_argnames="config")
def _log_probs(config: ModelConfig, params: Params, encoder_input_tokens: jax.Array,
               ngrams: jax.Array) -> jax.Array:
    """float32 [batch, n] of n-grams [batch, n, length]."""
    return code_token_log_probs(bind(config, params), encoder_input_tokens, ngrams).sum(axis=-1)
