"""Generates codes for many texts, queries or products: batched, resumable, over many devices.

Method section 2 (the product-code generator codes every product, the query-code generator proposes
codes for queries) and section 5 (products that arrive later). Knows texts with their prompts, and
codes by their numbers; nothing of what the codes are for.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import jax
import numpy as np

from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.generated_codes import GeneratedCodes
from gram_jax.core.digest import digest_arrays, digest_texts
from gram_jax.core.errors import ConfigError
from gram_jax.core.kept_arrays import Arrays, kept_arrays
from gram_jax.core.protocols import Vocabulary
from gram_jax.decoding.beam_search import beam_search
from gram_jax.models.cached_decoder import CachedDecoder
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, digest_params, logical_axes
from gram_jax.partitioning.partitioner import Partitioner
from gram_jax.retrieval.length_batches import LengthBatch, length_batches
from gram_jax.retrieval.sharded import split_rows
from gram_jax.text.encoding import encode_prompted
from gram_jax.trie.code_trie import NO_CODE, CodeTrie

_PROGRAMS_KEPT = 8


def generate_codes(config: ModelConfig, params: Params, trie: CodeTrie, code_table: CodeTable,
                   vocabulary: Vocabulary, ids: Sequence[str], inputs: Sequence[str], *,
                   beam_size: int = 10, batch_size: int = 64, max_input_length: int = 40,
                   endings: Literal["all", "ranked"] = "all", folder: Path | None = None,
                   partitioner: Partitioner | None = None, description: str = "generate codes",
                   progress=lambda iterable, description, total: iterable) -> GeneratedCodes:
    """The codes that beam search finds most probable after each text.

    Each text's codes depend on no other text, up to rounding. The same call on the same machine
    gives the same bytes, whether it was killed meanwhile or not.

    Args:
      config: sizes of the model.
      params: its parameters.
      trie: of the table's codes (`retrieval.index.spell_codes`).
      code_table: the codes that exist.
      vocabulary: of the model.
      ids: unique, the query or product of each text.
      inputs: the texts with their prompt (`text.prompts.query_input`, `product_input`). A prompt
        without a text behind it gets no codes.
      beam_size: codes a text; fewer only where the table has fewer.
      batch_size: texts searched together.
      max_input_length: tokens kept of a text with its prompt, EOS included, as in training.
      endings: as for `decoding.beam_search`.
      folder: where finished chunks are kept, for whoever calls again to go on from; the caller
        removes it. What was begun with other arguments is not taken up.
      partitioner: splits each batch over its devices; None searches on the default device.
      description: of the progress.
      progress: shown over the chunks, which are of some 512 texts.

    Returns:
      Codes in the order of `ids`.

    Raises:
      ValueError: ids and inputs, or trie and table, do not fit together, or a size is not positive.
      ConfigError: the trie has tokens that the model lacks, or a batch cannot be split evenly.
    """
    _check(config, trie, code_table, ids, inputs)
    rows = encode_prompted(vocabulary, inputs, max_input_length)
    chunks = length_batches((rows != 0).sum(axis=1), batch_size=batch_size,
                            max_length=max_input_length)
    fingerprint = "" if folder is None else digest_texts([
        digest_params(params), repr(config), code_table.digest, repr((beam_size, batch_size)),
        endings, digest_arrays({"rows": rows, "code_tokens": np.asarray(trie.code_tokens)})])
    search = _search_on(config, params, trie, beam_size, batch_size, endings, partitioner)

    codes = np.full((len(rows), beam_size), NO_CODE, np.int32)
    log_probs = np.full(codes.shape, -np.inf, np.float32)
    for number, chunk in enumerate(progress(chunks, description, len(chunks))):
        path = None if folder is None else Path(folder) / f"chunk-{number:06}.npz"
        found = kept_arrays(path, fingerprint, functools.partial(
            _search_chunk, search, rows, chunk, batch_size))
        texts = np.concatenate([batch.texts for batch in chunk])
        codes[texts], log_probs[texts] = found["codes"], found["log_probs"]
    alive = codes != NO_CODE  # in each row the first ones
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(alive.sum(axis=1))])
    return GeneratedCodes(tuple(ids), starts, codes[alive], log_probs[alive], code_table.digest)


def _check(config: ModelConfig, trie: CodeTrie, code_table: CodeTable, ids: Sequence[str],
           inputs: Sequence[str]) -> None:
    if len(ids) != len(inputs):
        raise ValueError(f"{len(ids)} ids for {len(inputs)} inputs")
    num_codes = int((np.asarray(trie.code_tokens) != 0).any(axis=1).sum())
    if num_codes != code_table.num_codes:
        raise ValueError(f"the trie has {num_codes} codes, the table {code_table.num_codes}")
    if trie.vocab_size > config.output_vocab_size:
        raise ConfigError(f"the codes have tokens below {trie.vocab_size}, the model only below "
                          f"{config.output_vocab_size}: use the vocabulary that the model learned "
                          "with")


def _search_on(config: ModelConfig, params: Params, trie: CodeTrie, beam_size: int,
               batch_size: int, endings: str, partitioner: Partitioner | None) -> Callable:
    """int32 [batch, length] tokens to code_ids and log_probs, both [batch, beam]."""
    if partitioner is None:
        params, trie = jax.device_put((params, trie))
    else:
        partitioner.check_batch_size(batch_size)
        params = jax.device_put(params, partitioner.param_shardings(params, logical_axes(config)))
        trie = jax.device_put(trie, partitioner.replicated)
    program = _program(config, beam_size, endings, partitioner)
    return functools.partial(program, params, trie)


@functools.lru_cache(maxsize=_PROGRAMS_KEPT)
def _program(config: ModelConfig, beam_size: int, endings: str,
             partitioner: Partitioner | None) -> Callable:
    def search(params: Params, trie: CodeTrie, rows: jax.Array) -> tuple[jax.Array, jax.Array]:
        beams = beam_search(CachedDecoder(config, params), trie, rows, beam_size=beam_size,
                            endings=endings)
        return beams.code_ids, beams.log_probs

    if partitioner is None:
        return jax.jit(search)
    # Whole on every device: each process of a run then has all rows, and not its own alone.
    return jax.jit(split_rows(search, partitioner, num_whole=2),
                   out_shardings=partitioner.replicated)


def _search_chunk(search: Callable, rows: np.ndarray, chunk: Sequence[LengthBatch],
                  batch_size: int) -> Arrays:
    """`codes` int32 and `log_probs` float32, [texts of the chunk, beam], batch after batch."""
    codes, log_probs = [], []
    for batch in chunk:
        # Rows of padding fill up the last batch, so that all batches of a length share a program.
        padded = np.zeros((batch_size, batch.length), np.int32)
        padded[:len(batch.texts)] = rows[batch.texts, :batch.length]
        found = jax.device_get(search(padded))
        for parts, array in zip((codes, log_probs), found):
            parts.append(array[:len(batch.texts)])
    return {"codes": np.concatenate(codes), "log_probs": np.concatenate(log_probs)}
