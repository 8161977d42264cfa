"""From the counts of a catalogue to the extractor that reads it, synonyms aside.

Synonyms need values that are read already: `synonym_learning` adds them.
"""

from gram_jax.attributes.brands import learn_brands
from gram_jax.attributes.extract import AttributeExtractor
from gram_jax.attributes.families import Families
from gram_jax.attributes.gazetteer_building import GazetteerSettings, gazetteer_of
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.spelling import SpellingSettings, learn_spelling
from gram_jax.attributes.term_counts import TermCounts


def extractor_of_counts(counts: TermCounts, query_counts: TermCounts, schema: AttributeSchema, *,
                        gazetteer: GazetteerSettings | None = None,
                        spelling: SpellingSettings | None = None,
                        families: Families | None = None) -> AttributeExtractor:
    """An extractor that knows a catalogue's values, brands and words.

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
