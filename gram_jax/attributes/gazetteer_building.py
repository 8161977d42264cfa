"""A gazetteer from a catalogue: its structured values, the heads of its categories, title terms.

Needs no labels; what a value's type is comes from the fields that hold it.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from gram_jax.attributes.gazetteer import Gazetteer
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.term_counts import (
    TermCounts,
    count_terms,
    count_text_terms,
    is_name,
)
from gram_jax.attributes.units import NUMBER
from gram_jax.core.records import Product


@dataclasses.dataclass(frozen=True)
class GazetteerSettings:
    """What enters a gazetteer.

    Args:
      min_value_products: products which must hold a structured value for it to be looked for in
        texts; a value of one product is more often noise than a name.
      max_value_words: longer values are descriptions.
      min_head_products: products whose category must end in a word or two for these to be a
        category of their own ('sink' from 'kitchen sink').
      min_word_products: titles which must hold a word that no type knows for it to be a modifier.
      max_word_share: share of titles above which a word tells products apart no longer.
      min_pair_products: titles which must hold two neighbouring words for the pair to be a value.
      min_pair_share: share of its rarer word's titles in which the pair must stand together.
    """

    min_value_products: int = 2
    max_value_words: int = 5
    min_head_products: int = 5
    min_word_products: int = 5
    max_word_share: float = 0.3
    min_pair_products: int = 20
    min_pair_share: float = 0.3


def build_gazetteer(products: Sequence[Product], schema: AttributeSchema, *,
                    query_texts: Iterable[str] = (),
                    settings: GazetteerSettings | None = None,
                    progress: Callable = lambda it, description, total: it) -> Gazetteer:
    """Builds the gazetteer of a catalogue in memory; see `gazetteer_of`."""
    counts = count_terms(progress(products, "reading titles", len(products)), schema)
    return gazetteer_of(counts, schema, query_counts=count_text_terms(query_texts),
                        settings=settings)


def gazetteer_of(counts: TermCounts, schema: AttributeSchema, *,
                 query_counts: TermCounts | None = None,
                 settings: GazetteerSettings | None = None) -> Gazetteer:
    """The gazetteer of a catalogue from its counts.

    A value that several types hold gets the type of most products; at a tie the first in the
    schema.

    Args:
      counts: of the products.
      schema: which types there are, in order.
      query_counts: of queries; words and pairs that titles have too count like those of titles
        for the floors, as shoppers' words matter.
      settings: floors and ceilings.
    """
    settings = settings or GazetteerSettings()
    attribute_of: dict[str, str] = {}
    if "modifier" in schema.rank:
        asked = query_counts or TermCounts()
        words, pairs = ({term: count + extra[term] for term, count in told.items()}
                        for told, extra in ((counts.words, asked.words),
                                            (counts.pairs, asked.pairs)))
        ceiling = settings.max_word_share * counts.num_texts
        attribute_of = dict.fromkeys(_modifiers(words, pairs, ceiling, settings), "modifier")
    attribute_of.update(_structured_values(counts, schema, settings))
    return Gazetteer(attribute_of)


def _structured_values(counts: TermCounts, schema: AttributeSchema,
                       settings: GazetteerSettings) -> Mapping[str, str]:
    """Frequent values of fields, and heads of categories, with their types."""
    frequent = Counter({pair: count for pair, count in counts.values.items()
                        if count >= settings.min_value_products
                        and len(pair[1].split(" ")) <= settings.max_value_words
                        and is_name(pair[1])})
    frequent.update({("category", head): count for head, count in counts.heads.items()
                     if count >= settings.min_head_products and is_name(head)})
    best: dict[str, str] = {}
    for attribute, value in sorted(frequent, key=lambda pair: (-frequent[pair],
                                                               schema.rank[pair[0]], pair[1])):
        best.setdefault(value, attribute)
    return best


def _modifiers(words: Mapping[str, int], pairs: Mapping[str, int], ceiling: float,
               settings: GazetteerSettings) -> Iterable[str]:
    for word, count in words.items():
        if settings.min_word_products <= count <= ceiling:
            yield word
    for pair, count in pairs.items():
        # A number has no count of its own: '4 light' stands or falls with 'light'.
        first, second = pair.split(" ")
        rarer = words.get(second, 0) if NUMBER.fullmatch(first) else min(
            words.get(first, count), words.get(second, count))
        if settings.min_pair_products <= count <= ceiling \
                and count >= settings.min_pair_share * rarer:
            yield pair
