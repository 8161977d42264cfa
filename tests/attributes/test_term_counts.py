"""Counts add up: the division of a catalogue into shards changes nothing."""

import itertools
import pickle

from hypothesis import given
from hypothesis import strategies as st

from gram_jax.attributes.gazetteer_building import (
    GazetteerSettings,
    build_gazetteer,
    gazetteer_of,
)
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.term_counts import (
    TermCounts,
    add_counts,
    count_terms,
    count_text_terms,
    is_name,
)
from gram_jax.core.records import Product
from gram_jax.testing.tiny_catalog import tiny_shop

_SCHEMA = AttributeSchema.load()
_PRODUCTS = tiny_shop().products


@given(st.lists(st.integers(0, len(_PRODUCTS)), max_size=4))
def test_counts_of_shards_add_up_to_the_counts_of_the_whole(cuts):
    edges = [0, *sorted(cuts), len(_PRODUCTS)]
    shards = [count_terms(_PRODUCTS[start:end], _SCHEMA)
              for start, end in itertools.pairwise(edges)]
    shards = [pickle.loads(pickle.dumps(shard)) for shard in shards]
    assert add_counts(shards) == add_counts(reversed(shards)) == count_terms(_PRODUCTS, _SCHEMA)


def test_a_gazetteer_from_shards_is_the_one_from_the_whole():
    settings = GazetteerSettings(min_value_products=1, min_head_products=1, min_word_products=2)
    texts = [query.text for query in tiny_shop().queries]
    shards = add_counts(count_terms([product], _SCHEMA) for product in _PRODUCTS)
    asked = add_counts(count_text_terms([text]) for text in texts)
    assert gazetteer_of(shards, _SCHEMA, query_counts=asked, settings=settings) == build_gazetteer(
        _PRODUCTS, _SCHEMA, query_texts=texts, settings=settings)


def test_counts_by_hand():
    product = Product("p", "Red kitchen sinks, 33 in. wide with a drain",
                      {"category": ("Kitchen Sink",), "shelf": ("b7",), "color": ("red", "Red")})
    counts = count_terms([product], _SCHEMA)
    assert counts == TermCounts(
        num_texts=1, words=dict.fromkeys(["red", "kitchen", "sink", "wide", "drain"], 1),
        pairs=dict.fromkeys(["red kitchen", "kitchen sink"], 1),
        vocabulary=dict.fromkeys(
            ["red", "kitchen", "sink", "in", "wide", "with", "a", "drain"], 1),
        values={("category", "kitchen sink"): 1, ("color", "red"): 1}, heads={"sink": 1})


def test_what_says_nothing_is_no_name():
    assert not any(map(is_name, ["sq ft", "12", "s", "the", "12 in"]))
    assert all(map(is_name, ["12 red", "m18", "sink"]))
