"""A catalogue's known values, and where a text mentions them.

Knows neither products nor queries; `gazetteer_building` fills it.
"""

import dataclasses
import functools
import json
import os
from collections.abc import Mapping, Sequence

from gram_jax.attributes.measures import measure_spans, size_spans
from gram_jax.attributes.normalize import normalize_value, value_words
from gram_jax.attributes.spans import Span
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError

_OPEN_TYPES = frozenset({"category", "modifier"})
"""Types whose longer values are made of values of any type: a 'steel sink' is of 'steel'."""


@dataclasses.dataclass(frozen=True)
class Gazetteer:
    """Values in normal form, each under the one type it is best known as.

    Args:
      attribute_of: value -> type.

    Raises:
      ValueError: a value which is not in normal form.
    """

    attribute_of: Mapping[str, str]

    def __post_init__(self):
        for value in self.attribute_of:
            if not value or normalize_value(value) != value:
                raise ValueError(f"the value {value!r} is not in normal form")

    def match(self, text: str) -> list[Span]:
        """The values a text mentions, by place.

        First leftmost-longest: from the left, the longest known value wins and the search goes on
        behind it. Then shorter values inside a found one are added where they hold as well: of
        the same type ('sink' in 'kitchen sink', 'ge' in 'ge cafe'), or of any type inside a
        category or a modifier. Last, measures ('60 in') and sizes ('36 x 80') wherever they
        stand.
        """
        return self.match_words(value_words(text))

    def match_words(self, text_words: Sequence[str]) -> list[Span]:
        """`match` for a text that `value_words` has read."""
        spans = set(measure_spans(text_words))
        spans.update(size_spans(text_words))
        at = 0
        while at < len(text_words):
            for length in self._lengths.get(text_words[at], ()):
                value = " ".join(text_words[at:at + length]) if length > 1 else text_words[at]
                if at + length <= len(text_words) and value in self.attribute_of:
                    spans.add(Span(at, at + length, self.attribute_of[value], value))
                    if length > 1:
                        spans.update(Span(at + inner.start, at + inner.end, *inner[2:])
                                     for inner in self._inside(value))
                    at += length
                    break
            else:
                at += 1
        return sorted(spans)

    def _inside(self, value: str) -> tuple[Span, ...]:
        """The values that hold where `value` does, by their place in it."""
        known = self._inner.get(value)
        if known is None:
            parts, outer = value.split(" "), self.attribute_of[value]
            windows = ((start, end) for start in range(len(parts))
                       for end in range(start + 1, len(parts) + 1) if end - start < len(parts))
            spans = (Span(start, end, self.attribute_of.get(" ".join(parts[start:end]), ""),
                          " ".join(parts[start:end])) for start, end in windows)
            known = self._inner[value] = tuple(
                span for span in spans if span.attribute
                and (span.attribute == outer or outer in _OPEN_TYPES))
        return known

    @functools.cached_property
    def _inner(self) -> dict[str, tuple[Span, ...]]:
        """What `_inside` has found so far; catalogues repeat their values."""
        return {}

    @functools.cached_property
    def _lengths(self) -> Mapping[str, tuple[int, ...]]:
        """First word -> the lengths in words of the values it opens, longest first."""
        lengths: dict[str, set[int]] = {}
        for value in self.attribute_of:
            value_parts = value.split(" ")
            lengths.setdefault(value_parts[0], set()).add(len(value_parts))
        return {word: tuple(sorted(found, reverse=True)) for word, found in lengths.items()}

    def save(self, path: str | os.PathLike) -> None:
        """Writes the values as JSON, by type."""
        by_type: dict[str, list[str]] = {}
        for value, attribute in sorted(self.attribute_of.items()):
            by_type.setdefault(attribute, []).append(value)
        with atomic_file(path) as stream:
            json.dump(dict(sorted(by_type.items())), stream, ensure_ascii=False, indent=0)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Gazetteer":
        """Reads what `save` wrote.

        Raises:
          ArtifactError: the file is missing or damaged.
        """
        try:
            with open(path, encoding="utf-8") as stream:
                by_type = json.load(stream)
            return cls({value: attribute for attribute, values in by_type.items()
                        for value in values})
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ArtifactError(f"{path} is not a gazetteer ({error}): run the codes stage "
                                "again") from error
