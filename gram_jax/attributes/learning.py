"""From a catalogue, its queries and its clicks to the extractor that reads it."""

import functools
from collections.abc import Callable, Sequence

from gram_jax.attributes.brands import learn_brands
from gram_jax.attributes.extract import AttributeExtractor
from gram_jax.attributes.families import Families
from gram_jax.attributes.gazetteer_building import GazetteerSettings, gazetteer_of
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.shards import SHARD_SIZE, TagsById, read_product_values
from gram_jax.attributes.spelling import SpellingSettings, learn_spelling
from gram_jax.attributes.synonym_learning import (
    SynonymSettings,
    learn_synonyms,
    query_terms_of,
    terms_of_texts,
)
from gram_jax.attributes.synonyms import Synonyms
from gram_jax.attributes.term_counts import TermCounts
from gram_jax.core.clicks import ClickTable
from gram_jax.core.parallel import MapShards, map_here
from gram_jax.core.records import Product


def extractor_of_counts(counts: TermCounts, query_counts: TermCounts, schema: AttributeSchema, *,
                        gazetteer: GazetteerSettings | None = None,
                        spelling: SpellingSettings | None = None,
                        families: Families | None = None) -> AttributeExtractor:
    """An extractor that knows a catalogue's values, brands and words, and no synonyms.

    Args:
      counts: of the products (`count_terms`, summed over shards).
      query_counts: of the train queries (`count_text_terms`).
      schema: the attribute types.
      gazetteer: which values and words are looked for in texts.
      spelling: when a word of a query is taken for another.
      families: of values; those that ship when None.
    """
    return AttributeExtractor(
        schema, gazetteer_of(counts, schema, query_counts=query_counts, settings=gazetteer),
        learn_brands(counts), learn_spelling(counts, query_counts, settings=spelling),
        families=Families.load() if families is None else families)


def with_learned_synonyms(extractor: AttributeExtractor, products: Sequence[Product],
                          query_texts: Sequence[str], clicks: ClickTable, *,
                          settings: SynonymSettings | None = None,
                          reviewed: Synonyms | None = None, tagged: TagsById | None = None,
                          map_shards: MapShards = map_here,
                          progress: Callable = lambda it, description, total: it,
                          ) -> AttributeExtractor:
    """An extractor that knows what shoppers call things, too.

    Args:
      extractor: without synonyms.
      products: the catalogue.
      query_texts: of the train queries, in the order of the rows of `clicks`.
      clicks: of the train queries only.
      settings: when two values are the same.
      reviewed: merges given or rejected by people; they go before learned ones.
      tagged: spans of the products' titles.
      map_shards: where shards are worked on.
      progress: shows the shards of products as they are done.
    """
    if not len(clicks.products):
        return extractor.with_synonyms(reviewed or Synonyms())
    values = read_product_values(products, extractor, tagged=tagged, map_shards=map_shards,
                                 progress=progress)
    shards = (query_texts[start:start + SHARD_SIZE]
              for start in range(0, len(query_texts), SHARD_SIZE))
    terms = query_terms_of(map_shards(functools.partial(terms_of_texts, extractor), shards),
                           extractor.schema)
    learned = learn_synonyms(terms, values, clicks, settings=settings)
    return extractor.with_synonyms((reviewed or Synonyms()).joined_by(learned))
