"""Hard negatives for a dual encoder: products that a retriever ranks high and nobody clicked.

The retriever is BM25 in the first round, as in dense passage retrieval (Karpukhin et al., arXiv
2004.04906), and later the encoder of the round before (as Xiong et al. do, arXiv 2007.00808). Knows
ranked lists and clicks; nothing of encoders or batches.
"""

from collections.abc import Sequence

import numpy as np

from gram_jax.alignment.negatives import Clicked, Negatives, NegativeSettings
from gram_jax.codes.code_table import CodeTable
from gram_jax.core.protocols import Retriever
from gram_jax.core.records import Query

NONE = -1


def mine_hard_negatives(retriever: Retriever, queries: Sequence[Query],
                        product_ids: Sequence[str], clicked: Clicked, *, depth: int = 100,
                        skip: int = 0,
                        progress=lambda iterable, description, total: iterable) -> np.ndarray:
    """What a retriever ranks first for each query, without the products clicked for its text.

    Args:
      retriever: over the catalogue.
      queries: in the order of `clicked`'s rows.
      product_ids: of the catalogue, in the order that `clicked` counts.
      clicked: what to leave out.
      depth: ranks that are looked at.
      skip: first ranks that are left out. Clicks are few and many products suit: what ranks highest
        is often a right answer that nobody happened to click.
      progress: shown over the queries.

    Returns:
      int32 [queries, depth - skip], best first, `NONE` behind the last.

    Raises:
      ValueError: there is no rank to look at.
    """
    if not 0 <= skip < depth:
        raise ValueError(f"depth is {depth} and skip {skip}: no rank is looked at")
    place_of = {product_id: place for place, product_id in enumerate(product_ids)}
    mined = np.full((len(queries), depth - skip), NONE, np.int32)
    ranked_lists = progress(retriever.retrieve(queries, k=depth), "hard negatives", len(queries))
    for row, ranked in enumerate(ranked_lists):
        places = np.array([place_of[product_id] for product_id in ranked.product_ids[skip:]],
                          np.int64)
        free = places[~clicked(np.full(len(places), row), places)]
        mined[row, :len(free)] = free
    return mined


def united(*mined: np.ndarray) -> np.ndarray:
    """Several rounds' negatives of the same queries: int32 [queries, all columns].

    A product of two rounds stays twice and is drawn as often.
    """
    joined = np.concatenate(mined, axis=1)
    order = np.argsort(joined == NONE, axis=1, kind="stable")
    return np.take_along_axis(joined, order, axis=1)


def hard_negative_draws(mined: np.ndarray, clicked: Clicked, product_ids: Sequence[str], *,
                        num_negatives: int = 1) -> Negatives:
    """Draws `num_negatives` a click, evenly from what was mined for its query.

    A query for which nothing was mined gets any products that were not clicked for it.

    Args:
      mined: from `mine_hard_negatives` or `united`.
      clicked: what is never drawn.
      product_ids: of the catalogue.
      num_negatives: of a click.
    """
    settings = NegativeSettings(near=num_negatives, sharing=0, in_batch=0,
                                near_depth=max(1, mined.shape[1]))
    return Negatives(settings, clicked, mined, CodeTable.build({}, product_ids))
