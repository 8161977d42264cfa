"""What is counted in and read off a catalogue, shard by shard, wherever a `MapShards` runs.

Every function gives what it would give for all products at once. Knows no files; products that
stay in a file until they are asked for are sent as a view of it.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

from gram_jax.attributes.extract import AttributeExtractor, Tagged
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.term_counts import (
    TermCounts,
    add_counts,
    count_terms,
    count_text_terms,
)
from gram_jax.attributes.value_table import ValueShard, ValueTable
from gram_jax.core.parallel import MapShards, map_here
from gram_jax.core.records import Product, Query

SHARD_SIZE = 20_000
"""Products or queries in a shard: seconds of work."""

TagsById = Mapping[str, Tagged]
"""product_id or query_id -> the spans that a tagger found in its title or text."""

Progress = Callable
"""progress(iterable, description, total) -> the same iterable, shown as it goes."""


def _silent(iterable, description, total):
    return iterable


def count_product_terms(products: Sequence[Product], schema: AttributeSchema, *,
                        map_shards: MapShards = map_here,
                        progress: Progress = _silent) -> TermCounts:
    """`count_terms` of a catalogue."""
    counted = map_shards(functools.partial(count_terms, schema=schema), _shards(products))
    return add_counts(progress(counted, "counting words", _num_shards(products)))


def count_query_terms(texts: Sequence[str], *, map_shards: MapShards = map_here) -> TermCounts:
    """`count_text_terms` of queries."""
    return add_counts(map_shards(count_text_terms, _shards(texts)))


def read_product_values(products: Sequence[Product], extractor: AttributeExtractor, *,
                        tagged: TagsById | None = None, map_shards: MapShards = map_here,
                        progress: Progress = _silent) -> ValueTable:
    """The values of every product, in order.

    Args:
      products: the catalogue.
      extractor: reads their values.
      tagged: spans of their titles; products without any may be left out.
      map_shards: where shards are worked on.
      progress: shows the shards as they are done.
    """
    shards = ((shard, _tags_of((product.product_id for product in shard), tagged))
              for shard in _shards(products))
    read = map_shards(functools.partial(_product_values, extractor), shards)
    return ValueTable.join(progress(read, "reading attributes", _num_shards(products)),
                           extractor.schema)


def read_query_values(queries: Sequence[Query], extractor: AttributeExtractor, *,
                      tagged: TagsById | None = None,
                      map_shards: MapShards = map_here) -> ValueTable:
    """The values of every query, in order; arguments as of `read_product_values`."""
    shards = ((shard, _tags_of((query.query_id for query in shard), tagged))
              for shard in _shards(queries))
    read = map_shards(functools.partial(_query_values, extractor), shards)
    return ValueTable.join(read, extractor.schema)


def _product_values(extractor: AttributeExtractor,
                    shard: tuple[Sequence[Product], TagsById]) -> ValueShard:
    products, tagged = shard
    return ValueShard.of(extractor.of_product(product, tagged.get(product.product_id, ()))
                         for product in products)


def _query_values(extractor: AttributeExtractor,
                  shard: tuple[Sequence[Query], TagsById]) -> ValueShard:
    queries, tagged = shard
    return ValueShard.of(extractor.of_text(query.text, tagged.get(query.query_id, ()))
                         for query in queries)


def _tags_of(ids: Iterator[str], tagged: TagsById | None) -> TagsById:
    """The part of the tags that a shard needs."""
    return {text_id: tuple(tagged[text_id]) for text_id in ids if text_id in tagged} \
        if tagged else {}


def _shards(rows: Sequence) -> Iterator[Sequence]:
    for start in range(0, len(rows), SHARD_SIZE):
        yield rows[start:start + SHARD_SIZE]


def _num_shards(rows: Sequence) -> int:
    return -(-len(rows) // SHARD_SIZE)
