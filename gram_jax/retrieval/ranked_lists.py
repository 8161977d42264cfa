"""Results of the retrieve program as ranked lists of product ids."""

from collections.abc import Iterator, Sequence

import numpy as np

from gram_jax.codes.code_table import CodeTable
from gram_jax.core.records import Query
from gram_jax.core.runs import RankedList


def ranked_lists(queries: Sequence[Query], products: np.ndarray, scores: np.ndarray,
                 codes: np.ndarray, table: CodeTable) -> Iterator[RankedList]:
    """A list for each query; rows beyond the queries are ignored.

    Args:
      queries: what was asked.
      products: int32 [batch, k], best first.
      scores: float32 [batch, k], -inf where there is no product.
      codes: int32 [batch, k], the code that speaks most for each product.
      table: what the numbers count.
    """
    for place, query in enumerate(queries):
        count = int(np.count_nonzero(scores[place] > -np.inf))
        yield RankedList(
            query.query_id,
            tuple(table.product_ids[i] for i in products[place, :count].tolist()),
            tuple(scores[place, :count].tolist()),
            tuple(table.codes[i].text for i in codes[place, :count].tolist()))
