"""A gazetteer from a catalogue: its structured values, the heads of its categories, title terms.

Needs no labels; what a value's type is comes from the fields that hold it.
"""

import dataclasses
import functools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from gram_jax.attributes.gazetteer import Gazetteer
from gram_jax.attributes.measures import measure_spans
from gram_jax.attributes.normalize import NUMBER, normalize_value, unit_types, value_words
from gram_jax.attributes.schema import AttributeSchema
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
    """Builds the gazetteer of a catalogue.

    Words of `query_texts` count like titles' words for the floors, as shoppers' words matter.
    A value that several types hold gets the type of most products; at a tie the first in the
    schema.
    """
    settings = settings or GazetteerSettings()
    typed = _structured_values(products, schema, settings)
    words, pairs = Counter(), Counter()
    for product in progress(products, "reading titles", len(products)):
        title_words, title_pairs = _terms(product.title)
        words.update(title_words)
        pairs.update(title_pairs)
    for text in query_texts:
        title_words, title_pairs = _terms(text)
        words.update(word for word in title_words if word in words)
        pairs.update(pair for pair in title_pairs if pair in pairs)
    ceiling = settings.max_word_share * len(products)
    attribute_of = dict.fromkeys(_modifiers(words, pairs, ceiling, settings), "modifier")
    if "modifier" not in schema.rank:
        attribute_of = {}
    attribute_of.update(typed)
    return Gazetteer(attribute_of)


def _structured_values(products: Iterable[Product], schema: AttributeSchema,
                       settings: GazetteerSettings) -> Mapping[str, str]:
    """Frequent values of fields, and heads of categories, with their types."""
    held: Counter[tuple[str, str]] = Counter()
    heads: Counter[str] = Counter()
    for product in products:
        found = {(schema.type_of_field(field), normalize_value(value))
                 for field, values in product.attributes.items() for value in values}
        found = {(attribute, value) for attribute, value in found if attribute and value}
        held.update(found)
        heads.update({head for attribute, value in found if attribute == "category"
                      for head in _heads(value)})
    frequent = Counter({pair: count for pair, count in held.items()
                        if count >= settings.min_value_products
                        and len(pair[1].split(" ")) <= settings.max_value_words
                        and _is_name(pair[1])})
    frequent.update({("category", head): count for head, count in heads.items()
                     if count >= settings.min_head_products and _is_name(head)})
    best: dict[str, str] = {}
    for attribute, value in sorted(frequent, key=lambda pair: (-frequent[pair],
                                                               schema.rank[pair[0]], pair[1])):
        best.setdefault(value, attribute)
    return best


def _heads(category: str) -> list[str]:
    category_words = category.split(" ")
    return [" ".join(category_words[-length:]) for length in (1, 2)
            if length < len(category_words)]


def _terms(text: str) -> tuple[set[str], set[str]]:
    """The words of a text that could be a modifier, and its pairs of neighbours."""
    text_words = value_words(text)
    measured = {at for span in measure_spans(text_words) for at in range(span.start, span.end)}
    free = [at not in measured and word not in stop_words() for at, word in enumerate(text_words)]
    single = {word for word, is_free in zip(text_words, free)
              if is_free and len(word) > 1 and _is_name(word)}
    pairs = {f"{text_words[at]} {text_words[at + 1]}" for at in range(len(text_words) - 1)
             if free[at] and free[at + 1] and not NUMBER.fullmatch(text_words[at + 1])}
    return single, pairs


def _modifiers(words: Counter, pairs: Counter, ceiling: float,
               settings: GazetteerSettings) -> Iterable[str]:
    for word, count in words.items():
        if settings.min_word_products <= count <= ceiling:
            yield word
    for pair, count in pairs.items():
        # A number has no count of its own: '4 light' stands or falls with 'light'.
        rarer = min(words.get(word, count) if not NUMBER.fullmatch(word) else words[pair.split()[1]]
                    for word in pair.split(" "))
        if settings.min_pair_products <= count <= ceiling \
                and count >= settings.min_pair_share * rarer:
            yield pair


def _is_name(value: str) -> bool:
    """Whether a value says something of its own: 'sq ft', '12' and 's' do not."""
    return not all(word in stop_words() or NUMBER.fullmatch(word) or word in _unit_words()
                   or (len(word) == 1 and word.isascii()) for word in value.split(" "))


@functools.cache
def _unit_words() -> frozenset[str]:
    return frozenset(word for unit in unit_types() for word in unit.split(" "))


@functools.cache
def stop_words() -> frozenset[str]:
    """Words which are never a value."""
    path = Path(__file__).parent / "stop_words.json"
    return frozenset(json.loads(path.read_text(encoding="utf-8")))
