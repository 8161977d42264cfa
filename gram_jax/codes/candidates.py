"""Candidates for codes: sets of values that products, or the clicks of queries, have together.

Knows values as numbers; which candidates become codes is decided elsewhere.
"""

import numpy as np
from scipy import sparse

from gram_jax.attributes.value_table import ValueTable
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.codes.subsets import frequent_subsets
from gram_jax.core.parallel import MapShards, map_here


def candidate_subsets(products: ValueTable, rates: np.ndarray, predicted: sparse.csr_array,
                      shares: sparse.csr_array, settings: MiningSettings, *,
                      map_shards: MapShards = map_here) -> np.ndarray:
    """Sets of values that many products have together, or several queries' clicked products.

    A product's bag holds its values that queries name most; a query's bag those values which its
    text predicts and which at least half of its clicks went to.

    Args:
      products: the values of every product.
      rates: float [values], how surely queries predict each value.
      predicted: certainties, see `predictability.predict_values`.
      shares: see `predictability.click_shares`.
      settings: floors and sizes.
      map_shards: where the counting runs.

    Returns:
      int32 [subsets, max_values], see `frequent_subsets`.
    """
    said = [frozenset(text.split(" ")) for _, text in products.values]
    enough = products.sizes >= settings.min_products
    rows = np.repeat(np.arange(products.num_rows, dtype=np.int32), np.diff(products.starts))
    kept = enough[products.held]
    of_products = _best(rows[kept], products.held[kept], rates[products.held[kept]],
                        products.num_rows, settings.max_bag_values)
    rows = np.repeat(np.arange(shares.shape[0], dtype=np.int32), np.diff(shares.indptr))
    kept = (predicted.data > 0) & (shares.data >= 0.5 - 1e-9) & enough[shares.indices]
    of_queries = _best(rows[kept], shares.indices[kept], predicted.data[kept], shares.shape[0],
                       settings.max_bag_values)
    found = [frequent_subsets(bags, max_values=settings.max_values, min_bags=floor, said=said,
                              map_shards=map_shards)
             for bags, floor in ((of_products, settings.min_products),
                                 (of_queries, settings.min_queries))]
    return np.unique(np.concatenate(found), axis=0)


def _best(rows: np.ndarray, values: np.ndarray, weights: np.ndarray, num_rows: int,
          num_best: int) -> np.ndarray:
    """The values of most weight of each row, int32 [num_rows, num_best], padded with -1."""
    order = np.lexsort((values, -weights, rows))
    rows, values = rows[order], values[order]
    starts = np.zeros(num_rows + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=num_rows), out=starts[1:])
    place = np.arange(len(rows)) - starts[rows]
    bags = np.full((num_rows, num_best), -1, np.int32)
    kept = place < num_best
    bags[rows[kept], place[kept]] = values[kept]
    return bags
