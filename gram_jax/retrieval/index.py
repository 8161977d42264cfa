"""The retrieval index: codes, the products under each, and how the model sees every posting and
every product.

One thing of one digest: code table, trie, product token probabilities and product features are
built together, saved as one folder and refused when they do not belong to the model that searches.
Knows nothing about queries.
"""

import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gram_jax.codes.code_table import CodeTable
from gram_jax.core.atomic import atomic_directory
from gram_jax.core.digest import digest_arrays, digest_texts
from gram_jax.core.errors import ArtifactError
from gram_jax.core.protocols import Vocabulary
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, digest_params
from gram_jax.retrieval.code_log_probs import code_log_probs
from gram_jax.retrieval.product_features import ProductFeatures, product_terms, token_weights
from gram_jax.retrieval.text_embeddings import text_embeddings
from gram_jax.text.encoding import encode_codes, encode_inputs
from gram_jax.text.prompts import product_input
from gram_jax.trie.builder import build_trie
from gram_jax.trie.code_trie import CodeTrie

_TABLE, _ARRAYS, _PRODUCTS, _FACTS = "table", "arrays.npz", "products.npz", "index.json"


@dataclasses.dataclass(frozen=True, eq=False)
class RetrievalIndex:
    """What a search needs beside the model.

    Args:
      code_table: codes and their products.
      trie: of exactly these codes, in NumPy; `trie.max_depth` is the length below.
      posting_token_log_probs: float16 [postings, length], ln P_i^t of every token of the posting's
        code given its product (method section 4), 0 after EOS; beside `posting_products`.
      params_digest: of the model's parameters that gave these.
      product_features: of every product of the table; without them only the heads that score one
        code at a time can read the index.
      digest: of all of the above; computed when left out.

    Raises:
      ValueError: the shapes do not fit together.
    """

    code_table: CodeTable
    trie: CodeTrie
    posting_token_log_probs: np.ndarray
    params_digest: str
    product_features: ProductFeatures | None = None
    digest: str = ""

    def __post_init__(self):
        length = self.trie.max_depth
        array, shape = self.posting_token_log_probs, (self.code_table.num_postings, length)
        if array.dtype != np.float16 or array.shape != shape:
            raise ValueError(f"posting_token_log_probs is {array.dtype} {array.shape}, "
                             f"not float16 {shape}")
        features, num_products = self.product_features, len(self.code_table.product_ids)
        if features is not None and features.num_products != num_products:
            raise ValueError(f"product_features of {features.num_products} products, not "
                             f"{num_products}")
        if not self.digest:
            object.__setattr__(self, "digest", _digest(self))

    @property
    def code_tokens(self) -> np.ndarray:
        """The tokens of every code, int32 [codes, length], EOS included, 0 after it."""
        return self.trie.code_tokens[:self.code_table.num_codes]


def build_index(code_table: CodeTable, vocabulary: Vocabulary, config: ModelConfig, params: Params,
                product_texts: Sequence[str], *, batch_size: int = 128,
                max_product_length: int = 40, max_product_terms: int = 32,
                kept_parts: Path | None = None,
                progress=lambda iterable, description, total: iterable) -> RetrievalIndex:
    """Computes what the model says of every posting and product, and puts the index together.

    Args:
      code_table: codes and their products.
      vocabulary: of the model.
      config: sizes of the model.
      params: its parameters.
      product_texts: what the product-code generator reads of each product, without its prefix, in
        the order of `code_table.product_ids`.
      batch_size: postings computed together, padding included.
      max_product_length: tokens kept of a product's text, EOS included, as in training.
      max_product_terms: different tokens kept of a product's text to compare with a query's.
      kept_parts: a folder where log-probabilities and embeddings are kept as they are done, so
        that a killed run goes on; None keeps none.
      progress: shown over blocks and chunks.

    Raises:
      InputError: a code cannot be spelled, or two are spelled alike.
      ValueError: there are not as many texts as products.
    """
    if len(product_texts) != len(code_table.product_ids):
        raise ValueError(f"{len(product_texts)} texts for {len(code_table.product_ids)} products")
    trie = spell_codes(code_table, vocabulary)
    texts = encode_inputs(vocabulary, [product_input(text) for text in product_texts],
                          max_product_length)
    log_probs = code_log_probs(
        config, params, texts, trie.code_tokens[:code_table.num_codes],
        code_table.posting_products, code_table.posting_codes, batch_size=batch_size,
        dtype=np.float16, description="score postings", folder=kept_parts, progress=progress)
    weights = token_weights(vocabulary, product_texts)
    terms = product_terms(vocabulary, product_texts, weights, max_terms=max_product_terms)
    embeddings = text_embeddings(config, params, texts, batch_size=batch_size, folder=kept_parts,
                                 progress=progress)
    return RetrievalIndex(code_table, trie, log_probs, digest_params(params),
                          ProductFeatures(terms, weights, embeddings))


def extend_index(index: RetrievalIndex, code_table: CodeTable, vocabulary: Vocabulary,
                 config: ModelConfig, params: Params, new_texts: Sequence[str], *,
                 batch_size: int = 128, max_product_length: int = 40) -> RetrievalIndex:
    """The index with further products; only what the model says of them is computed.

    Words weigh what they weighed before: the catalogue's statistics are those of `index`. Its codes
    and their tokens stay, so that it takes the place of `index` where it serves without compiling,
    as long as its postings and products fit their capacity classes.

    Args:
      index: without the new products.
      code_table: of the index, united with the new products and their postings.
      vocabulary: of the model.
      config: sizes of the model.
      params: those that the index was built with.
      new_texts: what the product-code generator reads of each new product, without its prefix, in
        the order of the table's last `product_ids`.
      batch_size: postings computed together, padding included.
      max_product_length: tokens kept of a product's text, EOS included, as in training.

    Raises:
      ArtifactError: the index was built with other parameters.
      ValueError: the table does not add just these products to that of the index.
    """
    if (found := digest_params(params)) != index.params_digest:
        raise ArtifactError(f"the index was built with parameters {index.params_digest} and "
                            f"cannot grow with {found}; build it again")
    num_before = len(index.code_table.product_ids)
    is_new = code_table.posting_products >= num_before
    _check_extends(index.code_table, code_table, is_new, len(new_texts))
    texts = encode_inputs(vocabulary, [product_input(text) for text in new_texts],
                          max_product_length)
    log_probs = np.zeros((code_table.num_postings, index.trie.max_depth), np.float16)
    log_probs[~is_new] = index.posting_token_log_probs
    log_probs[is_new] = code_log_probs(
        config, params, texts, index.code_tokens,
        code_table.posting_products[is_new] - num_before, code_table.posting_codes[is_new],
        batch_size=batch_size, dtype=np.float16)
    features = index.product_features
    if features is not None:
        features = features.extended(
            product_terms(vocabulary, new_texts, features.token_idf,
                          max_terms=features.terms.shape[1]),
            text_embeddings(config, params, texts, batch_size=batch_size))
    return RetrievalIndex(code_table, index.trie, log_probs, index.params_digest, features)


def _check_extends(before: CodeTable, after: CodeTable, is_new: np.ndarray,
                   num_new: int) -> None:
    count = len(before.product_ids)
    if after.codes != before.codes or after.product_ids[:count] != before.product_ids:
        raise ValueError("the code table has other codes or products than that of the index")
    if len(after.product_ids) != count + num_new:
        raise ValueError(f"{num_new} texts for {len(after.product_ids) - count} new products")
    if not (np.array_equal(after.posting_products[~is_new], before.posting_products)
            and np.array_equal(after.posting_codes[~is_new], before.posting_codes)):
        raise ValueError("the code table has other postings of the index's products")


def spell_codes(code_table: CodeTable, vocabulary: Vocabulary) -> CodeTrie:
    """The trie of the codes as the vocabulary spells them, of NumPy arrays.

    Raises:
      InputError: a code cannot be spelled, or two are spelled alike.
    """
    names = [code.text for code in code_table.codes]
    return build_trie(encode_codes(vocabulary, names), vocab_size=vocabulary.output_vocab_size,
                      eos_id=vocabulary.eos_id, names=names)


def save_index(folder: str | os.PathLike, index: RetrievalIndex) -> None:
    """Writes the index as one folder, whole or not at all."""
    with atomic_directory(folder) as fresh:
        index.code_table.save(fresh / _TABLE)
        np.savez(fresh / _ARRAYS, code_tokens=index.code_tokens,
                 posting_token_log_probs=index.posting_token_log_probs)
        if index.product_features is not None:
            index.product_features.save(fresh / _PRODUCTS)
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
        has_features = (folder / _PRODUCTS).exists()
        features = ProductFeatures.load(folder / _PRODUCTS) if has_features else None
        index = RetrievalIndex(code_table, trie, log_probs, built_with, features)
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
                       "posting_token_log_probs": index.posting_token_log_probs}),
        "" if index.product_features is None else index.product_features.digest])
