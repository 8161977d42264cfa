"""Endless batches for a dual encoder: clicked pairs with hard negatives, in the seed's order.

Batch n is a pure function of (seed, n): its clicks are a stretch of the epochs' permutations laid
end to end, and its negatives are drawn from (seed, n). So a place in the data is a number.
"""

from collections.abc import Iterator

import numpy as np

from gram_jax.alignment.negatives import Clicked, Negatives
from gram_jax.core.batch import ContrastiveBatch
from gram_jax.core.clicks import ClickTable
from gram_jax.core.data_place import NumberedBatches
from gram_jax.core.digest import digest_arrays, digest_texts
from gram_jax.core.epoch_order import EpochOrder
from gram_jax.core.errors import ConfigError
from gram_jax.text.encoding import without_padding

_DRAWS = 1


class ContrastiveBatches(NumberedBatches, Iterator[ContrastiveBatch]):
    """Checkpointable batches of a click log.

    Args:
      clicks: a row for each query that is learned from.
      clicked: the same clicks, where queries of one text share theirs.
      negatives: draws the hard negatives of a click; they count their queries as `clicks` does.
      query_tokens: int32 [queries, length], as the encoder reads them; 0 is padding.
      product_tokens: int32 [products, length], likewise.
      batch_size: clicks a batch.
      seed: of the order and the draws, not negative.

    Raises:
      ConfigError: there is no click, or a setting makes no sense.
      ValueError: there are other queries than tokens of queries.
    """

    data, settings = "clicked pairs", "clicks, texts, negatives, batch_size or seed"

    def __init__(self, clicks: ClickTable, clicked: Clicked, negatives: Negatives,
                 query_tokens: np.ndarray, product_tokens: np.ndarray, *, batch_size: int,
                 seed: int):
        if batch_size < 2 or seed < 0:
            raise ConfigError(f"batch_size is {batch_size} and seed {seed}: 2 at least, as the "
                              "others' products are the negatives, and 0 at least")
        if not len(clicks.products):
            raise ConfigError("no train query has a click: there is no pair for a dual encoder to "
                              "learn from")
        if len(query_tokens) != clicks.num_queries:
            raise ValueError(f"tokens of {len(query_tokens)} queries, clicks of "
                             f"{clicks.num_queries}")
        self._rows, self._products = clicks.rows, clicks.products
        self._query_ids, self._clicked, self._negatives = clicks.query_ids, clicked, negatives
        self._query_tokens, self._product_tokens = map(without_padding,
                                                       (query_tokens, product_tokens))
        self._batch_size, self._seed = batch_size, seed
        self._order = EpochOrder(len(self._rows), seed)
        self._stream = digest_texts([
            f"{batch_size} {seed} {negatives.settings}",
            digest_arrays({"rows": self._rows, "products": self._products,
                           "near": negatives.near, "query_tokens": self._query_tokens,
                           "product_tokens": self._product_tokens})])

    @property
    def num_clicks(self) -> int:
        """How many clicks there are: an epoch."""
        return len(self._rows)

    def __next__(self) -> ContrastiveBatch:
        chosen = self._order.stretch(self._number * self._batch_size, self._batch_size)
        rows, products = self._rows[chosen], self._products[chosen]
        drawn = self._negatives.draw(np.random.default_rng([self._seed, _DRAWS, self._number]),
                                     rows, products)
        self._number += 1
        candidates = np.concatenate([products[:, None], drawn], axis=1)
        pairs = np.broadcast_arrays(rows[:, None], candidates.ravel())
        ids = (f"{self._query_ids[row]} {product}"
               for row, product in zip(rows.tolist(), products.tolist()))
        return ContrastiveBatch(self._query_tokens[rows], self._product_tokens[candidates],
                                self._clicked(*pairs), tuple(ids))
