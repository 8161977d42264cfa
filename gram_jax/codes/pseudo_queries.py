"""Queries that nobody typed: what a shopper who wants a product could ask by, from its values.

For shops that have no clicks yet. Knows value tables only; nothing of codes or models.
"""

from collections.abc import Iterator

import numpy as np

from gram_jax.attributes.value_table import ValueTable
from gram_jax.core.clicks import ClickTable

NAMING_RATES = {
    "brand": 0.18, "category": 0.83, "material": 0.15, "color": 0.13,
    "technical_specification": 0.14, "sales_specification": 0.02,
}
"""How often a query names a product's value of a type, as counted on Home Depot's train queries
(docs/simulator.md); types that are left out are named with `_OTHER_RATE`."""
_OTHER_RATE = 0.03
_NUM_NAMED = (0.35, 0.40, 0.25)
"""Shares of queries that name one, two and three values."""
_LAST = ("category", "sales_specification")
"""Types that stand behind the others in a typed query: 'red nike shoe', not 'shoe nike red'."""


def pseudo_queries(products: ValueTable, *, num_queries: int, max_clicks: int = 20,
                   seed: int = 0) -> tuple[list[str], ClickTable, ValueTable]:
    """Draws queries and the products they are after.

    A query is for one product, drawn evenly, and names one to three of its values, those of types
    that shoppers name most often. It 'clicks' the product and others that hold all it names.

    Args:
      products: the values of every product.
      num_queries: how many to draw; repeats of a text are dropped, so fewer may come.
      max_clicks: products a query.
      seed: of the draws.

    Returns:
      texts; their clicks, with a row for each and ids 'pseudo-0000000' and so on; and the values
      that each names, numbered as the products'.
    """
    rng = np.random.default_rng(seed)
    rates = np.array([NAMING_RATES.get(attribute, _OTHER_RATE)
                      for attribute, _ in products.values])
    able = np.flatnonzero(np.diff(products.starts) > 0)
    texts: dict[str, int] = {}
    rows, clicked = [], []
    starts, held = [0], []
    for product in rng.choice(able, num_queries) if len(able) else ():
        values = _named(products.of_row(product), rates, rng)
        text = _typed([products.values[value] for value in values])
        if text in texts:
            continue
        row = texts.setdefault(text, len(texts))
        held.extend(sorted(values.tolist()))
        starts.append(len(held))
        for found in _holders(products, values, product, max_clicks, rng):
            rows.append(row)
            clicked.append(found)
    query_ids = [f"pseudo-{row:07d}" for row in range(len(texts))]
    clicks = ClickTable.build(np.array(rows, np.int64), np.array(clicked, np.int64),
                              np.ones(len(rows)), query_ids)
    return list(texts), clicks, ValueTable(products.values, np.array(starts, np.int64),
                                           np.array(held, np.int32))


def _named(values: np.ndarray, rates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    number = min(1 + int(rng.choice(len(_NUM_NAMED), p=_NUM_NAMED)), len(values))
    weights = rates[values] / rates[values].sum()
    return rng.choice(values, number, replace=False, p=weights)


def _typed(values: list[tuple[str, str]]) -> str:
    ordered = sorted(values, key=lambda pair: (_LAST.index(pair[0]) + 1 if pair[0] in _LAST else 0))
    said: list[str] = []
    for _, text in ordered:
        said.extend(word for word in text.split(" ") if word not in said)
    return " ".join(said)


def _holders(products: ValueTable, values: np.ndarray, product: int, max_clicks: int,
             rng: np.random.Generator) -> Iterator[int]:
    """`product` and others that hold all `values`, `max_clicks` at most."""
    found = products.postings[values[0]]
    for value in values[1:]:
        found = np.intersect1d(found, products.postings[value], assume_unique=True)
    others = found[found != product]
    yield int(product)
    yield from rng.permutation(others)[:max_clicks - 1].tolist()
