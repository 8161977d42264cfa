"""The tiny shop as what baselines learn from, in a vocabulary of its own words."""

import dataclasses

import numpy as np
import pytest

from gram_jax.alignment.negatives import Clicked
from gram_jax.catalog.shop import Shop
from gram_jax.codes.examples import product_text
from gram_jax.core.clicks import ClickTable
from gram_jax.core.records import Query
from gram_jax.testing.tiny_catalog import tiny_shop
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary


@dataclasses.dataclass(frozen=True)
class Learnable:
    """A shop's train side, and the texts in the order that arrays count them."""

    shop: Shop
    clicks: ClickTable
    queries: list[Query]
    product_texts: list[str]
    clicked: Clicked
    vocabulary: SentencePieceVocabulary

    @property
    def query_texts(self) -> list[str]:
        return [query.text for query in self.queries]

    def is_clicked(self, row: int, product: int) -> bool:
        """By the records: for the query's text."""
        text = self.queries[row].text
        same = {query.query_id for query in self.queries if query.text == text}
        return any(click.query_id in same and click.product_id == self.shop.product_ids[product]
                   for click in self.shop.clicks_of("train"))


@pytest.fixture(scope="session")
def learnable(tmp_path_factory) -> Learnable:
    shop = tiny_shop()
    clicks = shop.click_table("train")
    query_of = {query.query_id: query for query in shop.queries}
    queries = [query_of[query_id] for query_id in clicks.query_ids]
    texts = [product_text(product) for product in shop.products]
    path = tmp_path_factory.mktemp("vocabulary") / "vocabulary.model"
    train_vocabulary([*texts, *(query.text for query in queries), "query: product:"],
                     vocab_size=400, path=path)
    return Learnable(shop, clicks, queries, texts,
                     Clicked(clicks, [query.text for query in queries], len(texts)),
                     SentencePieceVocabulary.load(path))


@pytest.fixture(scope="session")
def unit_rows():
    """float array -> its rows at length 1."""
    return lambda array: array / np.linalg.norm(array, axis=1, keepdims=True)
