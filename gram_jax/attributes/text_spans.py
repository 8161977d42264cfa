"""Where a text spells a value: spans of characters, in whole words. Knows no types' meaning."""

import dataclasses
import html
import re
from collections.abc import Collection, Iterable, Sequence

from gram_jax.attributes.normalize import normalize_value
from gram_jax.text.normal_form import normalize_text

_MAX_VALUE_WORDS = 8
"""Longest value, marks between its words counted."""


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class TextSpan:
    """A value in a text: `text[start:end]`, and its type."""

    start: int
    end: int
    attribute: str


def span_values(text: str, spans: Iterable[TextSpan]) -> frozenset[tuple[str, str]]:
    """The (type, normal form) pairs of spans; a span without letters or digits has none."""
    found = ((span.attribute, normalize_value(text[span.start:span.end])) for span in spans)
    return frozenset((attribute, value) for attribute, value in found if value)


def occurrences(text: str, value: str, places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where the text spells a value letter by letter in whole words, by place.

    Case, runs of white space and HTML entities of the value do not matter.

    Args:
      text: as typed.
      value: as typed.
      places: `word_places` of the text.
    """
    starts, ends = {start for start, _ in places}, {end for _, end in places}
    found = set()
    for form in {value.strip(), html.unescape(value).strip()} - {""}:
        pattern = r"\s+".join(re.escape(part) for part in form.split())
        found.update(match.span() for match in re.finditer(pattern, text, re.IGNORECASE))
    return sorted((start, end) for start, end in found if start in starts and end in ends)


def value_places(text: str, places: Sequence[tuple[int, int]], wanted: Collection[str],
                 ) -> dict[str, list[tuple[int, int]]]:
    """Where runs of words have the normal form of a wanted value.

    Of runs with one normal form that share words only the shortest is kept: punctuation at the
    ends changes nothing.

    Args:
      text: as typed.
      places: `word_places` of the text.
      wanted: values in normal form.

    Returns:
      wanted value -> (start, end) in characters, by place; those that are nowhere are left out.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    # To bring every run into normal form would cost more than all else.
    openings = {value[0] for value in wanted if value}
    firsts = [first for first, (start, _) in enumerate(places)
              if normalize_text(text[start])[:1] in openings]
    for length in range(1, _MAX_VALUE_WORDS + 1):
        for first in firsts:
            if first + length > len(places):
                break
            start, end = places[first][0], places[first + length - 1][1]
            # What ends in a mark that says nothing is a shorter run already.
            if not _says_something(text[end - 1]):
                continue
            value = normalize_value(text[start:end])
            if value in wanted:
                kept = found.setdefault(value, [])
                if all(end <= other[0] or other[1] <= start for other in kept):
                    kept.append((start, end))
    return {value: sorted(kept) for value, kept in found.items()}


def _says_something(char: str) -> bool:
    return char.isalnum() or char in "\"'%\u2019\u2032\u2033"


def without_overlaps(spans: Iterable[TextSpan]) -> tuple[TextSpan, ...]:
    """Spans by place, of which longer ones win, and earlier named ones among equals."""
    kept: list[TextSpan] = []
    for span in sorted(spans, key=lambda span: span.start - span.end):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return tuple(sorted(kept))
