"""The tune queries that a training is measured on: a few of a shop's, with what is relevant.

The same few in every run on a shop. Tune queries are never trained or mined on.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from gram_jax.catalog.shop import Shop
from gram_jax.core.records import RELEVANT_GRADE, Query
from gram_jax.retrieval.beam_recall import JudgedQueries
from gram_jax.text.prompts import query_input


def tune_queries(shop: Shop, count: int) -> JudgedQueries | None:
    """Some of the tune queries that have relevant products, drawn once and for all.

    Relevant is what is judged so; for a query without judgments, what was clicked.

    Args:
      shop: with the products in the order of the code table.
      count: at most so many.

    Returns:
      The queries in the shop's order, or None where there are none.
    """
    place = {product_id: at for at, product_id in enumerate(shop.product_ids)}
    relevant = _relevant(shop)
    queries: Sequence[Query] = [query for query in shop.queries_of("tune")
                                if relevant.get(query.query_id)]
    if not queries or count < 1:
        return None
    if len(queries) > count:
        drawn = np.random.default_rng(0).choice(len(queries), count, replace=False)
        queries = [queries[at] for at in np.sort(drawn)]
    return JudgedQueries(
        tuple(query.query_id for query in queries),
        tuple(query_input(query.text) for query in queries),
        tuple(np.array(sorted(place[product_id] for product_id in relevant[query.query_id]),
                       np.int32) for query in queries))


def _relevant(shop: Shop) -> Mapping[str, Sequence[str]]:
    """query_id -> ids of relevant products, perhaps none, of tune queries that are known of."""
    found: dict[str, list[str]] = {
        query_id: [product_id for product_id, grade in grades.items() if grade >= RELEVANT_GRADE]
        for query_id, grades in shop.qrels("tune").items()}
    clicked: dict[str, dict[str, None]] = {}
    for click in shop.clicks_of("tune"):
        clicked.setdefault(click.query_id, {})[click.product_id] = None
    return {query_id: list(products) for query_id, products in clicked.items()} | found
