"""The clicked pairs of a shop with what both sides read and what was mined for them.

What co-alignment starts from. Knows a shop, its codes and its mined examples; nothing of models.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gram_jax.catalog.shop import Shop
from gram_jax.codes.code_rows import CodeRows, codes_of_products
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.examples import product_text, read_code_examples
from gram_jax.core.errors import ConfigError
from gram_jax.text.normal_form import normalize_text
from gram_jax.text.prompts import product_input, query_input


@dataclasses.dataclass(frozen=True, eq=False)
class ClickedPairs:
    """Clicked (query, product) pairs of train queries, each once.

    Args:
      query_ids: the queries that are clicked from.
      product_ids: the products that are clicked on.
      query_inputs: what the model reads of each query, with its prompt.
      product_inputs: likewise of each product.
      queries: int32 [pairs], numbers in `query_ids`.
      products: int32 [pairs], numbers in `product_ids`.
      mined_of_queries: the mined codes of each query, best first.
      filed: the codes under which each product is filed.
    """

    query_ids: tuple[str, ...]
    product_ids: tuple[str, ...]
    query_inputs: tuple[str, ...]
    product_inputs: tuple[str, ...]
    queries: np.ndarray
    products: np.ndarray
    mined_of_queries: CodeRows
    filed: CodeRows

    def mined(self, num_codes: int) -> CodeRows:
        """What was mined for each pair: its query's codes under which its product is filed."""
        return self.mined_of_queries.chosen(self.queries).also_in(
            self.filed.chosen(self.products), num_codes)


def read_clicked_pairs(shop: Shop, table: CodeTable, query_codes: Path, *,
                       max_pairs: int | None, seed: int) -> ClickedPairs:
    """The clicked pairs of train queries, or some of them.

    Args:
      shop: whose they are.
      table: its codes.
      query_codes: the mined codes of train queries, as `codes.examples` writes them.
      max_pairs: so many are drawn by the seed; None takes all.
      seed: of the draw.

    Raises:
      ConfigError: there are no clicks.
    """
    clicks = shop.click_table("train")
    texts = {query.query_id: query.text for query in shop.queries}
    has_text = np.array([bool(normalize_text(texts[query_id])) for query_id in clicks.query_ids],
                        bool)
    able = np.flatnonzero(has_text[clicks.rows])
    if not len(able):
        raise ConfigError("no train query has a click, and co-alignment learns from clicked "
                          "pairs: leave gin/runs/align.gin out of the experiment")
    if max_pairs is not None and max_pairs < len(able):
        drawn = np.random.default_rng(seed).choice(len(able), max_pairs, replace=False)
        able = able[np.sort(drawn)]
    query_rows, queries = np.unique(clicks.rows[able], return_inverse=True)
    product_rows, products = np.unique(clicks.products[able], return_inverse=True)
    query_ids = tuple(clicks.query_ids[row] for row in query_rows.tolist())
    product_ids = tuple(shop.product_ids[row] for row in product_rows.tolist())
    place = {product_id: at for at, product_id in enumerate(table.product_ids)}
    mined = _mined_codes(query_codes, table)
    return ClickedPairs(
        query_ids, product_ids,
        tuple(query_input(texts[query_id]) for query_id in query_ids),
        tuple(product_input(product_text(shop.products[row])) for row in product_rows.tolist()),
        queries.astype(np.int32), products.astype(np.int32),
        CodeRows.of_lists([mined.get(query_id, ()) for query_id in query_ids]),
        codes_of_products(table, np.array([place[name] for name in product_ids])))


def _mined_codes(path: Path, table: CodeTable) -> Mapping[str, list[int]]:
    """query_id -> code numbers, best first; codes that the table lacks are left out."""
    return {example.example_id: [table.id_of_text[text] for text in example.codes
                                 if text in table.id_of_text]
            for example in read_code_examples(path)}
