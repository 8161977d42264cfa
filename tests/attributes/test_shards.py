"""Counting and reading by shards, here or in processes, gives what one loop gives."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.attributes import shards
from gram_jax.attributes.extract import AttributeExtractor
from gram_jax.attributes.gazetteer_building import gazetteer_of
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.term_counts import count_terms, count_text_terms
from gram_jax.attributes.value_table import ValueTable
from gram_jax.catalog.simulator import simulate_shop
from gram_jax.catalog.stored_products import StoredProducts
from gram_jax.core.parallel import map_in_processes
from gram_jax.core.records import Product, Query

SCHEMA = AttributeSchema.load()


def backwards(function, pieces):
    """A `MapShards` that works in another order and keeps that of the results."""
    pieces = list(pieces)
    results = {place: function(pieces[place]) for place in random.Random(0).sample(
        range(len(pieces)), len(pieces))}
    return (results[place] for place in range(len(pieces)))


@pytest.fixture(scope="module")
def shop():
    return simulate_shop(num_products=400, num_queries=150, num_tune_queries=10,
                         num_test_queries=10)


@pytest.fixture(scope="module")
def extractor(shop):
    return extractor_of(shop.products, [query.text for query in shop.queries])


def extractor_of(products, texts) -> AttributeExtractor:
    return AttributeExtractor(SCHEMA, gazetteer_of(
        count_terms(products, SCHEMA), SCHEMA, query_counts=count_text_terms(texts)))


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(shards, "SHARD_SIZE", 70)


def assert_equal(one: ValueTable, other: ValueTable) -> None:
    assert one.values == other.values
    np.testing.assert_array_equal(one.starts, other.starts)
    np.testing.assert_array_equal(one.held, other.held)


def tags_of(shop) -> dict:
    return {shop.products[3].product_id: [("color", "mauve")],
            shop.queries[5].query_id: [("brand", "Zyx")]}


def check(shop, products, extractor, map_shards) -> None:
    texts, tagged = [query.text for query in shop.queries], tags_of(shop)
    assert shards.count_product_terms(products, SCHEMA, map_shards=map_shards) == count_terms(
        shop.products, SCHEMA)
    assert shards.count_query_terms(texts, map_shards=map_shards) == count_text_terms(texts)
    assert_equal(shards.read_product_values(products, extractor, tagged=tagged,
                                            map_shards=map_shards),
                 ValueTable.build((extractor.of_product(p, tagged.get(p.product_id, ()))
                                   for p in shop.products), SCHEMA))
    assert_equal(shards.read_query_values(shop.queries, extractor, tagged=tagged,
                                          map_shards=map_shards),
                 ValueTable.build((extractor.of_text(q.text, tagged.get(q.query_id, ()))
                                   for q in shop.queries), SCHEMA))


def test_the_order_of_the_work_does_not_matter(shop, extractor, small_shards):
    check(shop, shop.products, extractor, backwards)


def test_processes_read_their_part_of_the_file_themselves(shop, extractor, small_shards):
    with map_in_processes(2) as map_shards:
        check(shop, StoredProducts.spool(shop.products), extractor, map_shards)


def test_tags_reach_their_text(shop, extractor, small_shards):
    table = shards.read_product_values(shop.products, extractor, tagged=tags_of(shop))
    assert "mauve" in {table.values[value][1] for value in table.of_row(3)}
    assert [row.tolist() for value, row in zip(table.values, table.postings)
            if value[1] == "mauve"] == [[3]]


odd_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    ["مصباح أحمر", "👟🏽 shoe", "נעל ריצה", "ﬁne\u200dprint", "a" * 10_000, "12 ga. " * 1400])
many_fields = st.integers(0, 500).map(
    lambda count: {f"field {number}": (f"value {number}",) for number in range(count)})
products = st.lists(st.builds(Product, st.just("p"), odd_texts, st.dictionaries(
    st.sampled_from(["color", "brand", "größe"]), st.lists(odd_texts, max_size=3).map(tuple))
    | many_fields), max_size=7)


@settings(max_examples=30)
@given(products, st.lists(odd_texts, max_size=7))
def test_any_text_passes_through(products, texts):
    extractor = extractor_of(products, texts)
    queries = [Query(str(place), text) for place, text in enumerate(texts)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD_SIZE", 2)
        found = shards.read_product_values(products, extractor)
        asked = shards.read_query_values(queries, extractor)
    assert_equal(found, ValueTable.build(map(extractor.of_product, products), SCHEMA))
    assert (found.num_rows, asked.num_rows) == (len(products), len(texts))
