"""Log-probabilities of given codes after given texts, whichever side the texts are on.

A text has many codes of several lengths, and encoding it costs more than any of them. So texts are
encoded once, a block of them at a time, and all codes of a block are scored against what is held.
Knows rows of tokens and pairs of their numbers; nothing of queries, products or code tables.
"""

import dataclasses
import functools
import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from gram_jax.core.digest import digest_arrays, digest_texts
from gram_jax.core.kept_arrays import Arrays, kept_arrays
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, bind, digest_params
from gram_jax.models.teacher_forcing import encoded_code_token_log_probs
from gram_jax.retrieval.length_batches import length_batches
from gram_jax.retrieval.pair_batches import (
    FEWEST_BATCHES,
    NONE,
    PairBatch,
    pair_batches,
)

_BLOCK_BYTES = 2**27
"""Of the encoded texts that are held."""


def code_log_probs(config: ModelConfig, params: Params, texts: np.ndarray, codes: np.ndarray,
                   pair_texts: np.ndarray, pair_codes: np.ndarray, *, batch_size: int = 128,
                   dtype: type = np.float32, description: str = "score codes",
                   block_bytes: int = _BLOCK_BYTES, folder: Path | None = None,
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
      batch_size: pairs computed together, padding included, and texts; at least 16.
      dtype: of the result; index postings are kept in float16.
      description: of the progress.
      block_bytes: room for encoded texts, of which there is at least one.
      folder: where finished blocks are kept, so that a killed run goes on; None keeps none.
      progress: shown over the blocks.

    Returns:
      dtype [pairs, code_length], 0 after EOS.

    Raises:
      ValueError: a pair names a row that is not there, or `batch_size` is below 16.
    """
    _check_pairs(pair_texts, pair_codes, len(texts), len(codes))
    lengths = (codes != 0).sum(axis=1)[pair_codes]
    blocks = _cut_blocks(pair_texts, lengths, block_bytes // _bytes_of_text(config, texts),
                         batch_size=batch_size, max_code_length=codes.shape[1])
    fingerprint = "" if folder is None else digest_texts([
        digest_params(params), repr((config, batch_size, block_bytes, np.dtype(dtype).name)),
        digest_arrays({"texts": texts, "codes": codes, "pair_texts": pair_texts,
                       "pair_codes": pair_codes})])
    on_device = jax.device_put(params)

    def score(block: _Block) -> Arrays:
        rows = texts[block.texts]
        encoded = _encode_block(config, on_device, rows, batch_size)
        found = np.zeros((len(block.pairs), codes.shape[1]), dtype)
        for batch in block.batches:
            exists = batch.pairs != NONE
            chosen = batch.pairs[exists]
            tokens = np.zeros((*batch.pairs.shape, batch.code_length), np.int32)
            tokens[exists] = codes[pair_codes[block.pairs[chosen]], :batch.code_length]
            scored = _token_log_probs(config, on_device, encoded, batch.texts, rows[batch.texts],
                                      tokens)
            found[chosen, :batch.code_length] = np.asarray(scored)[exists]
        return {"log_probs": found}

    log_probs = np.zeros((len(pair_texts), codes.shape[1]), dtype)
    for number, block in enumerate(progress(blocks, description, len(blocks))):
        path = None if folder is None else folder / f"log_probs-{number:06}.npz"
        found = kept_arrays(path, fingerprint, functools.partial(score, block))
        log_probs[block.pairs] = found["log_probs"]
    return log_probs


@dataclasses.dataclass(frozen=True, eq=False)
class _Block:
    """Texts (int64 [n]) that are held together, all their pairs (int64 [m]), and batches of these.

    The batches count both as the block does.
    """

    texts: np.ndarray
    pairs: np.ndarray
    batches: list[PairBatch]


def _cut_blocks(pair_texts: np.ndarray, code_lengths: np.ndarray, most_texts: int, *,
                batch_size: int, max_code_length: int) -> list[_Block]:
    """Blocks of as many texts each, of those that have pairs; the last may have fewer."""
    used, text_of_pair = np.unique(pair_texts, return_inverse=True)
    num_blocks = max(1, -(-len(used) // max(1, most_texts)))
    size = max(1, -(-len(used) // num_blocks))
    order = np.argsort(text_of_pair, kind="stable")
    ends = np.searchsorted(text_of_pair[order], np.arange(1, num_blocks) * size)
    return [_Block(used[number * size:(number + 1) * size], pairs, pair_batches(
        text_of_pair[pairs] - number * size, code_lengths[pairs], batch_size=batch_size,
        max_code_length=max_code_length, fewest_batches=-(-FEWEST_BATCHES // num_blocks)))
        for number, pairs in enumerate(np.split(order, ends))]


def _bytes_of_text(config: ModelConfig, texts: np.ndarray) -> int:
    return texts.shape[1] * config.d_model * jnp.dtype(config.compute_dtype).itemsize


def _encode_block(config: ModelConfig, params: Params, texts: np.ndarray,
                  batch_size: int) -> jax.Array:
    """[texts, length, d_model]; anything where a text has padding."""
    encoded = jnp.zeros((*texts.shape, config.d_model), config.compute_dtype)
    chunks = length_batches((texts != 0).sum(axis=1), batch_size=batch_size,
                            max_length=texts.shape[1])
    for batch in itertools.chain.from_iterable(chunks):
        # Rows of padding fill up the last batch; those go nowhere.
        tokens = np.zeros((batch_size, batch.length), np.int32)
        tokens[:len(batch.texts)] = texts[batch.texts, :batch.length]
        places = np.full(batch_size, len(texts))
        places[:len(batch.texts)] = batch.texts
        encoded = _encode_into(config, params, encoded, places, tokens)
    return encoded


@functools.partial(jax.jit, static_argnames="config", donate_argnames="encoded")
def _encode_into(config: ModelConfig, params: Params, encoded: jax.Array, places: jax.Array,
                 tokens: jax.Array) -> jax.Array:
    found = bind(config, params).encode(tokens)
    return encoded.at[places, :tokens.shape[1]].set(found.astype(encoded.dtype), mode="drop")


@functools.partial(jax.jit, static_argnames="config")
def _token_log_probs(config: ModelConfig, params: Params, encoded: jax.Array, places: jax.Array,
                     texts: jax.Array, codes: jax.Array) -> jax.Array:
    """float32 [batch, codes, length] for texts [batch, s] and codes [batch, codes, length]."""
    return encoded_code_token_log_probs(bind(config, params), encoded[places], texts, codes)


def _check_pairs(pair_texts: np.ndarray, pair_codes: np.ndarray, num_texts: int,
                 num_codes: int) -> None:
    if pair_texts.shape != pair_codes.shape or pair_texts.ndim != 1:
        raise ValueError(f"pairs have texts {pair_texts.shape} and codes {pair_codes.shape}, "
                         "not both [pairs]")
    for name, found, count in (("text", pair_texts, num_texts), ("code", pair_codes, num_codes)):
        if len(found) and not 0 <= found.min() <= found.max() < count:
            raise ValueError(f"a pair names a {name} outside {count}")
