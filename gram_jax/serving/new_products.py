"""Products that arrive after the index was built: coded, scored and served, nothing trained.

Method section 5: new products are coded by the product generator and enter the index at once.
"""

import dataclasses
from collections.abc import Sequence

from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.examples import product_text
from gram_jax.core.errors import InputError
from gram_jax.core.records import Product
from gram_jax.retrieval.index import extend_index
from gram_jax.retrieval.product_codes import code_products
from gram_jax.serving.snapshot import Snapshot

_BATCH_SIZE = 16  # few products arrive at a time


def code_new_products(snapshot: Snapshot, products: Sequence[Product]) -> CodeTable:
    """The snapshot's code table with new products under the codes that they generate.

    A product whose codes all fall below the floor of `snapshot.coding` is under none of them.

    Raises:
      InputError: a product is in the catalogue already, or comes twice.
    """
    table = snapshot.index.code_table
    seen = set(table.product_ids)
    for product in products:
        if product.product_id in seen:
            raise InputError(f"product {product.product_id} is in the catalogue already",
                             remedy="add each product once; build the index again for products "
                                    "that have changed")
        seen.add(product.product_id)
    generated = code_products(
        snapshot.config, snapshot.params, snapshot.index.trie, table, snapshot.vocabulary,
        [product.product_id for product in products], list(map(product_text, products)),
        snapshot.coding, batch_size=_BATCH_SIZE)
    return table.united(generated.codes, generated.rows + len(table.product_ids),
                        new_product_ids=generated.ids)


def add_products(snapshot: Snapshot, products: Sequence[Product]) -> Snapshot:
    """The snapshot with new products in its index and their titles.

    A retriever that is at work answers from it after
    `snapshot.retriever.swap_index(grown.index)`, which compiles nothing while the postings fit
    the room that there is.

    Raises:
      InputError: a product is in the catalogue already, or comes twice.
    """
    index = extend_index(
        snapshot.index, code_new_products(snapshot, products), snapshot.vocabulary,
        snapshot.config, snapshot.params, list(map(product_text, products)),
        max_product_length=snapshot.coding.max_input_length)
    titles = {product.product_id: product.title for product in products}
    return dataclasses.replace(snapshot, index=index, titles={**snapshot.titles, **titles})
