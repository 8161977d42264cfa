"""Log-probabilities of given codes after given texts, whichever side the texts are on.

Knows rows of tokens and pairs of their numbers; nothing of queries, products or code tables.
"""

import functools

import jax
import numpy as np

from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, bind
from gram_jax.models.teacher_forcing import code_token_log_probs
from gram_jax.retrieval.pair_batches import NONE, pair_batches


def code_log_probs(config: ModelConfig, params: Params, texts: np.ndarray, codes: np.ndarray,
                   pair_texts: np.ndarray, pair_codes: np.ndarray, *, batch_size: int = 128,
                   dtype: type = np.float32, description: str = "score codes",
                   progress=lambda iterable, description, total: iterable) -> np.ndarray:
    """ln p(c_i | text, c_<i) of every token of each pair's code.

    Their sum over a code's tokens, EOS among them, is ln p(code | text).

    Args:
      config: sizes of the model.
      params: its parameters.
      texts: int32 [texts, text_length], prompt and EOS included (`text.encoding.encode_inputs`).
      codes: int32 [codes, code_length], EOS included, 0 after it (`trie.code_tokens`, or
        `text.encoding.encode_codes`).
      pair_texts: int [pairs], the row of `texts` of each pair.
      pair_codes: int [pairs], the row of `codes` beside it.
      batch_size: pairs computed together, padding included; at least 16.
      dtype: of the result; index postings are kept in float16.
      description: of the progress.
      progress: shown over the batches.

    Returns:
      dtype [pairs, code_length], 0 after EOS.

    Raises:
      ValueError: a pair names a row that is not there, or `batch_size` is below 16.
    """
    _check_pairs(pair_texts, pair_codes, len(texts), len(codes))
    lengths = (codes != 0).sum(axis=1)[pair_codes]
    batches = pair_batches(pair_texts, lengths, batch_size=batch_size,
                           max_code_length=codes.shape[1])
    on_device = jax.device_put(params)
    log_probs = np.zeros((len(pair_texts), codes.shape[1]), dtype)
    for batch in progress(batches, description, len(batches)):
        exists = batch.pairs != NONE
        tokens = np.zeros((*batch.pairs.shape, batch.code_length), np.int32)
        chosen = batch.pairs[exists]
        tokens[exists] = codes[pair_codes[chosen], :batch.code_length]
        found = _token_log_probs(config, on_device, texts[batch.texts], tokens)
        log_probs[chosen, :batch.code_length] = np.asarray(found)[exists]
    return log_probs


@functools.partial(jax.jit, static_argnames="config")
def _token_log_probs(config: ModelConfig, params: Params, texts, codes) -> jax.Array:
    """float32 [batch, codes, length] for texts [batch, s] and codes [batch, codes, length]."""
    return code_token_log_probs(bind(config, params), texts, codes)


def _check_pairs(pair_texts: np.ndarray, pair_codes: np.ndarray, num_texts: int,
                 num_codes: int) -> None:
    if pair_texts.shape != pair_codes.shape or pair_texts.ndim != 1:
        raise ValueError(f"pairs have texts {pair_texts.shape} and codes {pair_codes.shape}, "
                         "not both [pairs]")
    for name, found, count in (("text", pair_texts, num_texts), ("code", pair_codes, num_codes)):
        if len(found) and not 0 <= found.min() <= found.max() < count:
            raise ValueError(f"a pair names a {name} outside {count}")
