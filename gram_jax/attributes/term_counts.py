"""How many products hold each word, pair of words and field value: what a gazetteer is built from.

Counted shard by shard and put together by adding, so that a large catalogue is never held whole.
Knows no floors and no ceilings.
"""

import dataclasses
import functools
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from gram_jax.attributes.measures import measure_spans
from gram_jax.attributes.normalize import normalize_value, value_words
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.units import NUMBER, unit_types
from gram_jax.core.records import Product


@dataclasses.dataclass(frozen=True)
class TermCounts:
    """Counts over products, or over the texts of queries (which have no field values).

    Args:
      num_texts: how many products or queries were read.
      words: texts that hold each word which could be a value of its own.
      pairs: texts that hold two neighbouring words, neither a stop word nor part of a measure.
      vocabulary: texts and fields that hold each word, whatever it is; numbers are not counted.
      values: products whose fields hold a (type, value in normal form).
      heads: products of a category which ends in these one or two words.
    """

    num_texts: int = 0
    words: Counter[str] = dataclasses.field(default_factory=Counter)
    pairs: Counter[str] = dataclasses.field(default_factory=Counter)
    vocabulary: Counter[str] = dataclasses.field(default_factory=Counter)
    values: Counter[tuple[str, str]] = dataclasses.field(default_factory=Counter)
    heads: Counter[str] = dataclasses.field(default_factory=Counter)


def count_terms(products: Iterable[Product], schema: AttributeSchema) -> TermCounts:
    """The counts of one shard of a catalogue."""
    counts = TermCounts()
    num_products = 0
    for product in products:
        num_products += 1
        title_words = value_words(product.title)
        _count_text(title_words, counts)
        known = set(title_words)
        found = set()
        for field, texts in product.attributes.items():
            attribute = schema.type_of_field(field)
            for text in texts if attribute is not None else ():
                known.update(value_words(text))
                found.add((attribute, normalize_value(text)))
        found = {(attribute, value) for attribute, value in found if value}
        counts.values.update(found)
        counts.heads.update({head for attribute, value in found if attribute == "category"
                             for head in _heads(value)})
        counts.vocabulary.update(word for word in known if not word[0].isdecimal())
    return dataclasses.replace(counts, num_texts=num_products)


def count_text_terms(texts: Iterable[str]) -> TermCounts:
    """The counts of texts without fields: of queries."""
    counts = TermCounts()
    num_texts = 0
    for text in texts:
        num_texts += 1
        text_words = value_words(text)
        _count_text(text_words, counts)
        counts.vocabulary.update({word for word in text_words if not word[0].isdecimal()})
    return dataclasses.replace(counts, num_texts=num_texts)


def add_counts(shards: Iterable[TermCounts]) -> TermCounts:
    """The counts of several shards put together; their order and division change nothing."""
    total, num_texts = TermCounts(), 0
    for shard in shards:
        num_texts += shard.num_texts
        for name in ("words", "pairs", "vocabulary", "values", "heads"):
            getattr(total, name).update(getattr(shard, name))
    return dataclasses.replace(total, num_texts=num_texts)


def is_name(value: str) -> bool:
    """Whether a value says something of its own: 'sq ft', '12' and 's' do not."""
    return not all(map(_says_nothing, value.split(" ")))


@functools.cache
def stop_words() -> frozenset[str]:
    """Words which are never a value."""
    path = Path(__file__).parent / "stop_words.json"
    return frozenset(json.loads(path.read_text(encoding="utf-8")))


def _heads(category: str) -> list[str]:
    category_words = category.split(" ")
    return [" ".join(category_words[-length:]) for length in (1, 2)
            if length < len(category_words)]


def _count_text(text_words: tuple[str, ...], counts: TermCounts) -> None:
    measured = {at for span in measure_spans(text_words) for at in range(span.start, span.end)}
    free = [at not in measured and word not in stop_words() for at, word in enumerate(text_words)]
    counts.words.update({word for word, is_free in zip(text_words, free)
                         if is_free and len(word) > 1 and not _says_nothing(word)})
    counts.pairs.update({
        f"{text_words[at]} {text_words[at + 1]}" for at in range(len(text_words) - 1)
        if free[at] and free[at + 1] and not text_words[at + 1][0].isdecimal()})


@functools.lru_cache(maxsize=1 << 16)
def _says_nothing(word: str) -> bool:
    return word in stop_words() or (len(word) == 1 and word.isascii()) or word in _unit_words() \
        or NUMBER.fullmatch(word) is not None


@functools.cache
def _unit_words() -> frozenset[str]:
    return frozenset(word for unit in unit_types() for word in unit.split(" "))
