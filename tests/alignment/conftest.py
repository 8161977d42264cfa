"""The tiny shop as what relevance is learned from."""

import numpy as np
import pytest

from gram_jax.alignment.negatives import Clicked, Negatives, NegativeSettings, near_products
from gram_jax.alignment.relevance_batches import RelevanceBatches
from gram_jax.alignment.word_book import WordBook
from gram_jax.baselines.word_overlap import WordOverlap
from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.examples import product_text
from gram_jax.testing.tiny_catalog import tiny_shop


@pytest.fixture(scope="session")
def click_batches():
    """Makes batches of the tiny shop's train clicks."""
    shop = tiny_shop()
    clicks = shop.click_table("train")
    text_of = {query.query_id: query.text for query in shop.queries}
    queries = [text_of[query_id] for query_id in clicks.query_ids]
    products = [product_text(product) for product in shop.products]
    by_category: dict[Code, list[int]] = {}
    for place, product in enumerate(shop.products):
        category = product.attributes["category"][0]
        by_category.setdefault(Code(category, (("category", category),)), []).append(place)
    clicked = Clicked(clicks, queries, len(products))
    overlap = WordOverlap()
    near = near_products(lambda text: overlap.score([(text, product) for product in products]),
                         queries, clicked, depth=5)
    negatives = Negatives(NegativeSettings(near=1, sharing=1, in_batch=1), clicked, near,
                          CodeTable.build(by_category, shop.product_ids))

    def make(seed=0, batch_size=4, num_ngrams=256) -> RelevanceBatches:
        return RelevanceBatches(
            np.asarray(clicks.rows), clicks.products, negatives, queries, products,
            WordBook.count(products, num_ngrams), batch_size=batch_size, seed=seed)

    return make
