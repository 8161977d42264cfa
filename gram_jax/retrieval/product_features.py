"""What an index knows of each product beside its postings: its words and its embedding.

Computed once, when the index is built, for the learned scoring head. Words are tokens of the
model's own vocabulary, so that a query needs nothing but its tokens to be compared with them.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gram_jax.core.digest import digest_arrays
from gram_jax.core.errors import ArtifactError
from gram_jax.core.protocols import Vocabulary
from gram_jax.text.prompts import QUERY_PREFIX

_TEXTS_AT_A_TIME = 1 << 16


@dataclasses.dataclass(frozen=True, eq=False)
class ProductFeatures:
    """Arrays that lead with [products], and the weight of every token.

    Args:
      terms: int32 [products, max_terms], the different tokens of a product's text, rising; 0 where
        there are fewer.
      token_idf: float32 [vocab_size], the inverse document frequency of BM25; 0 for tokens that no
        product has and for those of the query's prompt.
      embeddings: float16 [products, d_model], mean-pooled encoder outputs of the product's input.

    Raises:
      ValueError: the shapes do not fit together.
    """

    terms: np.ndarray
    token_idf: np.ndarray
    embeddings: np.ndarray

    def __post_init__(self):
        for name, dtype, num_axes in (("terms", np.int32, 2), ("token_idf", np.float32, 1),
                                      ("embeddings", np.float16, 2)):
            array = getattr(self, name)
            if array.dtype != dtype or array.ndim != num_axes:
                raise ValueError(f"{name} is {array.dtype} {array.shape}, not {dtype.__name__} "
                                 f"with {num_axes} axes")
        if len(self.terms) != len(self.embeddings):
            raise ValueError(f"terms of {len(self.terms)} products, embeddings of "
                             f"{len(self.embeddings)}")

    @property
    def num_products(self) -> int:
        """How many products there are."""
        return len(self.terms)

    @property
    def digest(self) -> str:
        """A digest of all arrays."""
        return digest_arrays(dataclasses.asdict(self))

    def extended(self, terms: np.ndarray, embeddings: np.ndarray) -> "ProductFeatures":
        """With the terms and embeddings of further products behind those that there are."""
        return ProductFeatures(np.concatenate([self.terms, terms]), self.token_idf,
                               np.concatenate([self.embeddings, embeddings]))

    def save(self, path: Path) -> None:
        """Writes an .npz file."""
        np.savez(path, **dataclasses.asdict(self))

    @classmethod
    def load(cls, path: Path) -> "ProductFeatures":
        """Reads what `save` wrote; raises what NumPy raises where it cannot."""
        with np.load(path, allow_pickle=False) as arrays:
            missing = {field.name for field in dataclasses.fields(cls)} - set(arrays.files)
            if missing:
                raise ArtifactError(f"{path} lacks {', '.join(sorted(missing))}")
            return cls(**{name: arrays[name] for name in arrays.files})


def token_weights(vocabulary: Vocabulary, texts: Sequence[str]) -> np.ndarray:
    """The inverse document frequency of every token among products, float32 [vocab_size].

    ln(1 + (N - df + 0.5) / (df + 0.5)): the form of BM25 that is never negative (Robertson and
    Zaragoza, 2009, as Lucene has it); 0 for tokens that no product has and for those of the query's
    prompt.

    Args:
      vocabulary: of the model.
      texts: of the N products, without prompts.
    """
    _, tokens = _distinct_tokens(vocabulary, texts)
    frequency = np.bincount(tokens, minlength=vocabulary.vocab_size)
    idf = np.log1p((len(texts) - frequency + 0.5) / (frequency + 0.5))
    idf[frequency == 0] = 0
    (prompt,) = vocabulary.encode([QUERY_PREFIX])
    idf[[*prompt, *vocabulary.start_ids, vocabulary.eos_id, 0]] = 0
    return idf.astype(np.float32)


def product_terms(vocabulary: Vocabulary, texts: Sequence[str], token_idf: np.ndarray, *,
                  max_terms: int) -> np.ndarray:
    """The `terms` of products.

    Args:
      vocabulary: of the model.
      texts: of the products, without prompts.
      token_idf: from `token_weights`.
      max_terms: tokens kept of a product; where it has more, those of the highest idf.

    Returns:
      int32 [products, max_terms].
    """
    rows, tokens = _distinct_tokens(vocabulary, texts)
    terms = np.zeros((len(texts), max_terms), np.int32)
    # By row, then by falling idf: the place within the row says which tokens are kept.
    order = np.lexsort((tokens, -token_idf[tokens], rows))
    rows, tokens = rows[order], tokens[order]
    starts = np.searchsorted(rows, np.arange(len(texts)))
    places = np.arange(len(rows)) - starts[rows]
    kept = (places < max_terms) & (token_idf[tokens] > 0)
    terms[rows[kept], places[kept]] = tokens[kept]
    largest = np.iinfo(np.int32).max
    rising = np.sort(np.where(terms == 0, largest, terms), axis=1)
    return np.where(rising == largest, 0, rising).astype(np.int32)


def _distinct_tokens(vocabulary: Vocabulary,
                     texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Every (product, token) pair once, by product: int64 [pairs] each."""
    parts = [np.zeros(0, np.int64)]
    for start in range(0, len(texts), _TEXTS_AT_A_TIME):
        encoded = vocabulary.encode(texts[start:start + _TEXTS_AT_A_TIME])
        sizes = np.fromiter(map(len, encoded), np.int64, len(encoded))
        rows = np.repeat(np.arange(start, start + len(encoded)), sizes)
        tokens = np.fromiter((token for row in encoded for token in row), np.int64, sizes.sum())
        parts.append(np.unique(rows * vocabulary.vocab_size + tokens))
    pairs = np.concatenate(parts)
    return pairs // vocabulary.vocab_size, pairs % vocabulary.vocab_size
