"""Measures and dimensions in a text: numbers with a unit, and sizes such as '36 x 80'.

Knows no catalogue.
"""

import functools
from collections.abc import Sequence

from gram_jax.attributes.spans import Span
from gram_jax.attributes.units import NUMBER, unit_types

_AXES = frozenset(["w", "h", "l", "d"])
_SIZE_ATTRIBUTE = "technical_specification"


def measure_spans(text_words: Sequence[str]) -> list[Span]:
    """Every number with a unit, in order.

    Args:
      text_words: what `value_words` returned.
    """
    spans = []
    for at, word in enumerate(text_words):
        if not word[0].isdecimal() or not NUMBER.fullmatch(word):
            continue
        end = at + 1 + _unit_length(text_words, at + 1)
        if end > at + 1:
            unit = " ".join(text_words[at + 1:end])
            spans.append(Span(at, end, unit_types()[unit], f"{word} {unit}"))
    return spans


def size_spans(text_words: Sequence[str]) -> list[Span]:
    """Every run of numbers joined by 'x', as a value without units: '36 in w x 80 in' is '36 x 80'.

    Shoppers seldom repeat the units which sellers write, so a size is a value beside its measures.
    """
    spans = []
    if "x" not in text_words:
        return spans
    at = 0
    while at < len(text_words):
        end, numbers = at, []
        while NUMBER.fullmatch(text_words[end]):
            numbers.append(text_words[end])
            end += 1 + _unit_length(text_words, end + 1)
            end += end < len(text_words) and text_words[end] in _AXES
            if text_words[end:end + 1] != ("x",) or end + 1 == len(text_words) \
                    or not NUMBER.fullmatch(text_words[end + 1]):
                break
            end += 1
        if len(numbers) > 1:
            spans.append(Span(at, end, _SIZE_ATTRIBUTE, " x ".join(numbers)))
        at = max(at + 1, end)
    return spans


def _unit_length(text_words: Sequence[str], at: int) -> int:
    """How many words at `at` are a unit in normal form, 0 where none is."""
    if at < len(text_words) and text_words[at] in _unit_words():
        for length in (2, 1):
            unit = " ".join(text_words[at:at + length])
            if at + length <= len(text_words) and unit in unit_types():
                return length
    return 0


@functools.cache
def _unit_words() -> frozenset[str]:
    return frozenset(unit.split(" ")[0] for unit in unit_types())
