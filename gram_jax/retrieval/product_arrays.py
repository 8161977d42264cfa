"""What the learned head reads of each product, as a program takes it: arrays on the device.

Padded to a capacity, so that products come and go without compiling. Of the groups of features
that the head does not use nothing is held. Knows nothing of queries.
"""

import dataclasses
from typing import Any

import jax
import numpy as np

from gram_jax.models.learned_score import EmbeddingMaps, LearnedScoreParams
from gram_jax.retrieval.product_features import ProductFeatures

EMBEDDING_STEPS = 127
"""Steps of an embedding's number from 0 to 1: a vector of length 1 fits int8."""

_PRODUCTS_AT_A_TIME = 1 << 16

Array = jax.Array | np.ndarray


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ProductArrays:
    """Each leads with [product_capacity] but `token_idf`."""

    num_codes: Array  # int32, codes that the product is under
    embeddings: Array | None  # int8 [.., embedding_size], EMBEDDING_STEPS times the mapped vector
    terms: Array | None  # uint16 or int32 [.., max_terms], different tokens of its text, then 0
    idf_sums: Array | None  # float32, the idf of all its terms together
    token_idf: Array | None  # float32 [token_capacity]

    @property
    def room(self) -> tuple[int, ...]:
        """The products there is room for; where words are held, their terms and tokens too."""
        products = self.num_codes.shape[0]
        if self.terms is None:
            return (products,)
        return products, self.terms.shape[1], self.token_idf.shape[0]


def product_arrays(features: ProductFeatures, codes_per_product: np.ndarray,
                   params: LearnedScoreParams, num_products: int, num_terms: int,
                   num_tokens: int) -> ProductArrays:
    """The arrays of a catalogue for a head, of NumPy.

    Args:
      features: of the products.
      codes_per_product: int [products].
      params: of the head.
      num_products, num_terms, num_tokens: to have room for; the last two where it reads words.
    """
    embeddings = terms = idf_sums = token_idf = None
    if params.maps is not None:
        mapped = quantised_embeddings(features.embeddings, params.maps)
        embeddings = _padded(mapped, num_products, mapped.shape[1])
    if params.reads("lexical"):
        token_idf = _padded(features.token_idf, num_tokens)
        idf_sums = _padded(token_idf[features.terms].sum(axis=1), num_products)
        terms = _padded(features.terms.astype(_terms_dtype(num_tokens)), num_products, num_terms)
    return ProductArrays(_padded(codes_per_product.astype(np.int32), num_products), embeddings,
                         terms, idf_sums, token_idf)


def _padded(array: np.ndarray, *shape: int) -> np.ndarray:
    whole = np.zeros(shape, array.dtype)
    whole[tuple(slice(size) for size in array.shape)] = array
    return whole


def abstract_product_arrays(params: LearnedScoreParams, num_products: int, num_terms: int,
                            num_tokens: int) -> ProductArrays:
    """`product_arrays` with a `jax.ShapeDtypeStruct` for every array."""
    def array(dtype, *shape) -> Any:
        return jax.ShapeDtypeStruct(shape, dtype)

    embeddings = terms = idf_sums = token_idf = None
    if params.maps is not None:
        embeddings = array(np.int8, num_products, params.maps.product_projection.shape[1])
    if params.reads("lexical"):
        terms = array(_terms_dtype(num_tokens), num_products, num_terms)
        idf_sums, token_idf = array(np.float32, num_products), array(np.float32, num_tokens)
    return ProductArrays(array(np.int32, num_products), embeddings, terms, idf_sums, token_idf)


def product_logical_axes(products: ProductArrays) -> ProductArrays:
    """The tree of `products` with, for every array, a tuple of logical axis names: 'products'."""
    axes = ProductArrays(("products",), ("products", None), ("products", None), ("products",),
                         (None,))
    return ProductArrays(*(None if array is None else names for array, names in zip(
        (getattr(products, field.name) for field in dataclasses.fields(products)),
        (getattr(axes, field.name) for field in dataclasses.fields(axes)))))


def quantised_embeddings(embeddings: np.ndarray, maps: EmbeddingMaps) -> np.ndarray:
    """Mapped embeddings in whole steps: int8 [products, embedding_size]."""
    center, projection = np.asarray(maps.product_center), np.asarray(maps.product_projection)
    parts = [np.zeros((0, projection.shape[1]), np.int8)]
    for start in range(0, len(embeddings), _PRODUCTS_AT_A_TIME):
        part = embeddings[start:start + _PRODUCTS_AT_A_TIME].astype(np.float32)
        vectors = (part - center) @ projection
        lengths = np.sqrt(np.square(vectors).sum(axis=1, keepdims=True) + 1e-12)
        parts.append(np.rint(vectors / lengths * EMBEDDING_STEPS).astype(np.int8))
    return np.concatenate(parts)


def _terms_dtype(num_tokens: int) -> type:
    return np.uint16 if num_tokens <= 1 << 16 else np.int32
