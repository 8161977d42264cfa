"""The products nearest to texts, by measures that learn nothing from a shop's clicks.

What such a measure knows, a generator can learn: by words, by a pretrained sentence encoder, or by
both together.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from gram_jax.baselines.bm25 import BM25Retriever
from gram_jax.baselines.dual_encoder import pretrained_dual_encoder
from gram_jax.codes.examples import product_text
from gram_jax.core.parallel import OpenMapShards, map_in_processes
from gram_jax.core.records import Product, Query
from gram_jax.models.config import ModelConfig
from gram_jax.retrieval.exact_search import NONE, ExactSearch

_TEXTS_A_SHARD = 2000


class FindNeighbors(Protocol):
    """A measure of nearness."""

    def __call__(self, products: Sequence[Product], texts: Sequence[str], *, k: int) -> np.ndarray:
        """The nearest products of each text, nearest first.

        Returns:
          int32 [texts, k], places in the catalogue; `NONE` where there are fewer.
        """


def bm25_neighbors(products: Sequence[Product], texts: Sequence[str], *, k: int,
                   map_shards: OpenMapShards = map_in_processes) -> np.ndarray:
    """`FindNeighbors` by the words that text and product share (`baselines.bm25`)."""
    find = functools.partial(
        _bm25_places, BM25Retriever(products),
        {product.product_id: place for place, product in enumerate(products)}, k)
    shards = (texts[start:start + _TEXTS_A_SHARD]
              for start in range(0, len(texts), _TEXTS_A_SHARD))
    with map_shards() as mapped:
        return np.concatenate([np.zeros((0, k), np.int32), *mapped(find, shards)])


def _bm25_places(bm25: BM25Retriever, place_of: dict[str, int], k: int,
                 texts: Sequence[str]) -> np.ndarray:
    found = np.full((len(texts), k), NONE, np.int32)
    for row, ranked in enumerate(bm25.retrieve([Query(text, text) for text in texts], k=k)):
        places = [place_of[product_id] for product_id in ranked.product_ids]
        found[row, :len(places)] = places
    return found


def sentence_neighbors(products: Sequence[Product], texts: Sequence[str], *, k: int,
                       model: Callable[..., ModelConfig], vocabulary: Callable[..., bytes],
                       initial_params: Callable, max_length: int = 32,
                       batch_size: int = 128) -> np.ndarray:
    """`FindNeighbors` by the cosine of a pretrained sentence encoder's embeddings.

    Args:
      products: the catalogue.
      texts: to find neighbors of.
      k: how many.
      model: makes a `ModelConfig` with the encoder's sizes when given the vocabulary's.
      vocabulary: makes the file of the encoder's vocabulary (`interop.bert.bert_vocabulary`).
      initial_params: the pretrained arrays (`interop.bert.bert_encoder`).
      max_length: tokens kept of a text.
      batch_size: texts encoded together.
    """
    encoder = pretrained_dual_encoder(
        model, vocabulary, initial_params, max_query_length=max_length,
        max_product_length=max_length, batch_size=batch_size)
    catalog = ExactSearch(encoder.embed_products([product_text(product) for product in products]))
    return catalog.search(encoder.embed_queries(texts), k=k)[0]


def fused_neighbors(products: Sequence[Product], texts: Sequence[str], *, k: int,
                    parts: Sequence[FindNeighbors], depth: int = 100,
                    constant: float = 10.0) -> np.ndarray:
    """`FindNeighbors` by the sum of 1 / (constant + rank) over other measures.

    Reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009).

    Args:
      products: the catalogue.
      texts: to find neighbors of.
      k: how many.
      parts: the measures.
      depth: how many of each measure's neighbors count.
      constant: see `fuse_ranks`.
    """
    return fuse_ranks([find(products, texts, k=depth) for find in parts], k=k, constant=constant)


def fuse_ranks(lists: Sequence[np.ndarray], *, k: int, constant: float = 10.0) -> np.ndarray:
    """The first `k` by the sum of 1 / (constant + rank) over several lists of each text.

    Args:
      lists: of each measure int [texts, depth], nearest first, `NONE` where there are fewer.
      k: how many.
      constant: the larger, the less the first ranks stand out.

    Returns:
      int32 [texts, k].
    """
    ranked = np.concatenate(lists, axis=1)
    gains = np.concatenate([1.0 / (constant + np.arange(found.shape[1])) for found in lists])
    fused = np.full((len(ranked), k), NONE, np.int32)
    for row, found in enumerate(ranked):
        there = found != NONE
        places, group = np.unique(found[there], return_inverse=True)
        order = np.argsort(-np.bincount(group, weights=gains[there]), kind="stable")[:k]
        fused[row, :len(order)] = places[order]
    return fused
