"""Texts with their attribute values marked: what a tagger learns from and is measured on.

Spans are characters of the text as it was typed. Knows no file format and no tags.
"""

import dataclasses
from collections.abc import Iterable, Sequence

from gram_jax.attributes.normalize import normalize_value
from gram_jax.attributes.tags import WordSpan
from gram_jax.attributes.text_spans import (
    TextSpan,
    occurrences,
    span_values,
    value_places,
    without_overlaps,
)
from gram_jax.text.word_places import word_places


@dataclasses.dataclass(frozen=True)
class AnnotatedText:
    """A text, the spans marked in it, and every value it is said to have.

    Args:
      text_id: unique within a source.
      source: whose annotation it is.
      text: as typed.
      spans: by place, not overlapping, in whole words of `word_places`.
      values: (type, value in normal form) pairs, also those that no span shows: a value which
        the text does not spell, or one inside a longer one.

    Raises:
      ValueError: a span lies outside of the text, is empty or overlaps the one before it.
    """

    text_id: str
    source: str
    text: str
    spans: tuple[TextSpan, ...]
    values: frozenset[tuple[str, str]]

    def __post_init__(self):
        end = 0
        for span in self.spans:
            if not end <= span.start < span.end <= len(self.text):
                raise ValueError(f"{self.text_id}: span {span} is empty, overlaps, or lies outside "
                                 f"of {len(self.text)} characters")
            end = span.end

    def word_spans(self, places: Sequence[tuple[int, int]]) -> list[WordSpan]:
        """The spans counted in words, given the `word_places` of the text."""
        starts = {start: number for number, (start, _) in enumerate(places)}
        ends = {end: number + 1 for number, (_, end) in enumerate(places)}
        return [(starts[span.start], ends[span.end], span.attribute) for span in self.spans]

    @property
    def unseen(self) -> frozenset[tuple[str, str]]:
        """The values that no span shows; no tagger of words can find them."""
        return self.values - span_values(self.text, self.spans)


def annotate(text_id: str, source: str, text: str,
             values: Iterable[tuple[str, str]]) -> AnnotatedText:
    """Marks values wherever the text spells them in whole words, whatever the case.

    A value that is nowhere spelled letter by letter is marked where its normal form stands ('Men'
    at 'Mens'). Where two values want the same words, the longer one has them, then the one named
    first.

    Args:
      text_id: of the text.
      source: whose annotation it is.
      text: as typed.
      values: (type, value as annotated), in order.
    """
    values = tuple(dict.fromkeys(values))
    places = word_places(text)
    wanted: list[TextSpan] = []
    for attribute, value in values:
        found = occurrences(text, value, places)
        if not found:
            normal = normalize_value(value)
            found = value_places(text, places, {normal} - {""}).get(normal, [])
        wanted += [TextSpan(start, end, attribute) for start, end in found]
    pairs = ((attribute, normalize_value(value)) for attribute, value in values)
    return AnnotatedText(text_id, source, text, without_overlaps(wanted),
                         frozenset((attribute, value) for attribute, value in pairs if value))
