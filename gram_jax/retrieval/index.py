"""The retrieval index: codes, the products under each, and how the model sees every posting.

One thing of one digest: code table, trie and product token probabilities are built together, saved
as one folder and refused when they do not belong to the model that searches. Knows nothing about
queries.
"""

import dataclasses
import functools
import json
import os
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from gram_jax.codes.code_table import CodeTable
from gram_jax.core.atomic import atomic_directory
from gram_jax.core.digest import digest_arrays, digest_texts
from gram_jax.core.errors import ArtifactError
from gram_jax.core.protocols import Vocabulary
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, bind, digest_params
from gram_jax.models.teacher_forcing import code_token_log_probs
from gram_jax.retrieval.posting_batches import NONE, posting_batches
from gram_jax.text.encoding import encode_codes, encode_inputs
from gram_jax.text.prompts import product_input
from gram_jax.trie.builder import build_trie
from gram_jax.trie.code_trie import CodeTrie

_TABLE, _ARRAYS, _FACTS = "table", "arrays.npz", "index.json"


@dataclasses.dataclass(frozen=True, eq=False)
class RetrievalIndex:
    """What a search needs beside the model.

    Args:
      code_table: codes and their products.
      trie: of exactly these codes, in NumPy; `trie.max_depth` is the length below.
      posting_token_log_probs: float16 [postings, length], ln P_i^t of every token of the posting's
        code given its product (method section 4), 0 after EOS; beside `posting_products`.
      params_digest: of the model's parameters that gave these.
      digest: of all of the above; computed when left out.

    Raises:
      ValueError: the shapes do not fit together.
    """

    code_table: CodeTable
    trie: CodeTrie
    posting_token_log_probs: np.ndarray
    params_digest: str
    digest: str = ""

    def __post_init__(self):
        length = self.trie.max_depth
        array, shape = self.posting_token_log_probs, (self.code_table.num_postings, length)
        if array.dtype != np.float16 or array.shape != shape:
            raise ValueError(f"posting_token_log_probs is {array.dtype} {array.shape}, "
                             f"not float16 {shape}")
        if not self.digest:
            object.__setattr__(self, "digest", _digest(self))

    @property
    def code_tokens(self) -> np.ndarray:
        """The tokens of every code, int32 [codes, length], EOS included, 0 after it."""
        return self.trie.code_tokens[:self.code_table.num_codes]


def build_index(code_table: CodeTable, vocabulary: Vocabulary, config: ModelConfig, params: Params,
                product_texts: Sequence[str], *, batch_size: int = 128,
                max_product_length: int = 40,
                progress=lambda iterable, description, total: iterable) -> RetrievalIndex:
    """Computes the token probabilities of every posting and puts the index together.

    Args:
      code_table: codes and their products.
      vocabulary: of the model.
      config: sizes of the model.
      params: its parameters.
      product_texts: what the product-code generator reads of each product, without its prefix, in
        the order of `code_table.product_ids`.
      batch_size: postings computed together, padding included.
      max_product_length: tokens kept of a product's text, EOS included, as in training.
      progress: shown over the batches.

    Raises:
      InputError: a code cannot be spelled, or two are spelled alike.
      ValueError: there are not as many texts as products.
    """
    if len(product_texts) != len(code_table.product_ids):
        raise ValueError(f"{len(product_texts)} texts for {len(code_table.product_ids)} products")
    trie = _spell(code_table, vocabulary)
    code_tokens = trie.code_tokens[:code_table.num_codes]
    texts = encode_inputs(vocabulary, [product_input(text) for text in product_texts],
                          max_product_length)
    posting_codes = code_table.posting_codes
    code_lengths = (code_tokens != 0).sum(axis=1)
    batches = posting_batches(code_table.posting_products, code_lengths[posting_codes],
                              batch_size=batch_size, max_code_length=trie.max_depth)
    on_device = jax.device_put(params)
    log_probs = np.zeros((code_table.num_postings, trie.max_depth), np.float16)
    for batch in progress(batches, "score postings", len(batches)):
        exists = batch.postings != NONE
        codes = np.zeros((*batch.postings.shape, batch.code_length), np.int32)
        chosen = batch.postings[exists]
        codes[exists] = code_tokens[posting_codes[chosen], :batch.code_length]
        found = _token_log_probs(config, on_device, texts[batch.products], codes)
        log_probs[chosen, :batch.code_length] = np.asarray(found)[exists]
    return RetrievalIndex(code_table, trie, log_probs, digest_params(params))


@functools.partial(jax.jit, static_argnames="config")
def _token_log_probs(config: ModelConfig, params: Params, texts, codes) -> jax.Array:
    """float32 [batch, codes, length] for texts [batch, s] and codes [batch, codes, length]."""
    return code_token_log_probs(bind(config, params), texts, codes)


def _spell(code_table: CodeTable, vocabulary: Vocabulary) -> CodeTrie:
    """The trie of the codes as the vocabulary spells them."""
    names = [code.text for code in code_table.codes]
    return build_trie(encode_codes(vocabulary, names), vocab_size=vocabulary.vocab_size,
                      eos_id=vocabulary.eos_id, names=names)


def save_index(folder: str | os.PathLike, index: RetrievalIndex) -> None:
    """Writes the index as one folder, whole or not at all."""
    with atomic_directory(folder) as fresh:
        index.code_table.save(fresh / _TABLE)
        np.savez(fresh / _ARRAYS, code_tokens=index.code_tokens,
                 posting_token_log_probs=index.posting_token_log_probs)
        (fresh / _FACTS).write_text(json.dumps({
            "digest": index.digest, "params_digest": index.params_digest,
            "vocab_size": index.trie.vocab_size, "eos_id": index.trie.eos_id}), encoding="utf-8")


def load_index(folder: str | os.PathLike, *, params_digest: str) -> RetrievalIndex:
    """Reads what `save_index` wrote.

    Args:
      folder: where it lies.
      params_digest: of the parameters that will search with it.

    Raises:
      ArtifactError: the index is missing or damaged, or was built with other parameters.
    """
    folder = Path(folder)
    try:
        facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        digest, built_with = facts["digest"], facts["params_digest"]
        if built_with != params_digest:
            raise ArtifactError(f"{folder}: the index was built with parameters {built_with} and "
                                f"cannot search with {params_digest}; build it again")
        with np.load(folder / _ARRAYS, allow_pickle=False) as arrays:
            code_tokens = arrays["code_tokens"]
            log_probs = arrays["posting_token_log_probs"]
        code_table = CodeTable.load(folder / _TABLE)
        trie = build_trie(code_tokens, vocab_size=facts["vocab_size"], eos_id=facts["eos_id"],
                          max_depth=code_tokens.shape[1])
        index = RetrievalIndex(code_table, trie, log_probs, built_with)
    except ArtifactError:
        raise
    except OSError as error:
        raise ArtifactError(f"{folder}: cannot read the index ({error})") from error
    except Exception as error:  # zip, JSON and validation errors share no narrower base
        raise ArtifactError(f"{folder}: the index is damaged ({error})") from error
    if index.digest != digest:
        raise ArtifactError(f"{folder}: the index is not the one that was written "
                            f"(digest {index.digest}, expected {digest})")
    return index


def _digest(index: RetrievalIndex) -> str:
    return digest_texts([
        index.code_table.digest, index.params_digest, str(index.trie.vocab_size),
        digest_arrays({"code_tokens": index.code_tokens,
                       "posting_token_log_probs": index.posting_token_log_probs})])
