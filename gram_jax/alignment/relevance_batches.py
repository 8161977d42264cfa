"""Endless batches of clicked products beside mined negatives, in an order that the seed decides.

Batch n is a pure function of (seed, n): its clicks are a stretch of the epochs' permutations laid
end to end, and its negatives are drawn from (seed, n). So a place in the data is a number.
"""

from collections.abc import Sequence

import numpy as np

from gram_jax.alignment.negatives import Negatives
from gram_jax.alignment.word_book import WordBook
from gram_jax.core.batch import RelevanceBatch
from gram_jax.core.data_place import NumberedBatches
from gram_jax.core.digest import digest_arrays, digest_texts
from gram_jax.core.epoch_order import EpochOrder

QUERY_WORDS, PRODUCT_WORDS = 10, 24
"""Words that are read of a query and of a product's text."""

_WORDS_STEP = 512
"""Words of a batch are padded to a multiple of this: each size is a program to compile."""


class RelevanceBatches(NumberedBatches):
    """Checkpointable batches.

    Args:
      rows: int [clicks], the query of each click to learn from.
      products: int [clicks], its product.
      negatives: what stands beside them.
      query_texts: that `rows` counts.
      product_texts: that `products` counts.
      words: reads the texts.
      batch_size: clicks a batch.
      seed: of the order and the draws, not negative.
    """

    data, settings = "relevance data", "clicks, texts, negatives, batch_size or seed"

    def __init__(self, rows: np.ndarray, products: np.ndarray, negatives: Negatives,
                 query_texts: Sequence[str], product_texts: Sequence[str], words: WordBook, *,
                 batch_size: int, seed: int):
        self._rows, self._products, self._negatives = rows, products, negatives
        self._words, self._batch_size, self._seed = words, batch_size, seed
        self._queries = words.read(query_texts, QUERY_WORDS)
        self._titles = words.read(product_texts, PRODUCT_WORDS)
        self._stream = digest_texts([
            f"{batch_size} {seed} {negatives.settings}",
            digest_arrays({"rows": rows, "products": products, "queries": self._queries,
                           "titles": self._titles})])
        self._order = EpochOrder(len(rows), seed)

    def __next__(self) -> RelevanceBatch:
        chosen = self._order.stretch(self._number * self._batch_size, self._batch_size)
        rows, products = self._rows[chosen], self._products[chosen]
        drawn = self._negatives.draw(np.random.default_rng([self._seed, 1, self._number]), rows,
                                     products)
        self._number += 1
        both = np.concatenate([products[:, None], drawn], axis=1)
        labels = np.zeros(both.shape, np.float32)
        labels[:, 0] = 1.0
        # A click counts as much as all that stands beside it: a logit of 0 is then even odds.
        weights = np.full(both.shape, 1.0 / drawn.shape[1], np.float32)
        weights[:, 0] = 1.0
        queries, titles, met = _renumbered(self._queries[rows], self._titles[both])
        return RelevanceBatch(queries, titles, labels, weights, self._words.ngrams[met],
                              self._words.rarities[met], tuple(map(str, rows.tolist())))


def _renumbered(queries: np.ndarray, titles: np.ndarray
                ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same words numbered within the batch, and the word of each number, padded with 0."""
    met, numbers = np.unique(np.concatenate([[0], queries.ravel(), titles.ravel()]),
                             return_inverse=True)
    numbers = numbers[1:].astype(np.int32)
    padding = -len(met) % _WORDS_STEP
    return (numbers[:queries.size].reshape(queries.shape),
            numbers[queries.size:].reshape(titles.shape), np.pad(met, (0, padding)))
