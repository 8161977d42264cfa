"""Weaker annotations: what a product's fields and a gazetteer say, found again in texts.

Nobody has read these texts, so what they leave unmarked may be a value all the same; whoever
learns from them should believe their unmarked words little. Knows no files and no network.
"""

from collections.abc import Iterable, Iterator, Mapping

from gram_jax.attributes.annotations import AnnotatedText
from gram_jax.attributes.gazetteer import Gazetteer
from gram_jax.attributes.normalize import normalize_value
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.text_spans import TextSpan, span_values, value_places, without_overlaps
from gram_jax.core.records import Product
from gram_jax.text.word_places import word_places


def mark_values(text_id: str, source: str, text: str,
                attribute_of: Mapping[str, str]) -> AnnotatedText:
    """Marks the words of a text whose normal form is a value.

    Args:
      text_id: of the text.
      source: what knows the values.
      text: as typed.
      attribute_of: value in normal form -> type.
    """
    found = value_places(text, word_places(text), attribute_of)
    spans = without_overlaps(
        TextSpan(start, end, attribute_of[value]) for value, kept in found.items()
        for start, end in kept)
    return AnnotatedText(text_id, source, text, spans, span_values(text, spans))


def project_fields(products: Iterable[Product],
                   schema: AttributeSchema) -> Iterator[AnnotatedText]:
    """The titles that spell values of their own product's structured fields, with these marked."""
    for product in products:
        attribute_of: dict[str, str] = {}
        for field, values in product.attributes.items():
            attribute = schema.type_of_field(field)
            if attribute is not None:
                for value in values:
                    attribute_of.setdefault(normalize_value(value), attribute)
        attribute_of.pop("", None)
        if attribute_of:
            marked = mark_values(product.product_id, "fields", product.title, attribute_of)
            if marked.spans:
                yield marked


def project_gazetteer(texts: Iterable[tuple[str, str]],
                      gazetteer: Gazetteer) -> Iterator[AnnotatedText]:
    """The texts that spell values of a gazetteer, with these marked.

    Args:
      texts: (id, text) pairs.
      gazetteer: its values; the longest win.
    """
    for text_id, text in texts:
        values = {span.value: span.attribute for span in gazetteer.match(text)
                  if span.value in gazetteer.attribute_of}
        marked = mark_values(text_id, "gazetteer", text, values)
        if marked.spans:
            yield marked
