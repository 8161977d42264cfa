"""The normal form of attribute values, in which two ways to write one value meet.

'Kitchen Sinks' and 'kitchen sink', '12-Gauge' and '12 ga.', '60"' and '60 inches', 'pack of 6' and
'6 ct' become one. Knows no catalogue: nothing here depends on which values exist.

Numbers: '1,000' is '1000' and '1.50' is '1.5'. A comma before one or two digits is a decimal point
only in front of a metric unit ('0,75 l'), as '1,5' may be a list. Halves to eighths are fractions
before a unit that is sold in them ('0.5 in' is '1/2 in') and stay as they are elsewhere. Packs:
pack, count, 'set of' and the like are one; pieces and pairs are not, as a set of 4 pieces is one
thing.
"""

import dataclasses
import functools
import html
import re
from collections.abc import Sequence

from gram_jax.attributes.plurals import fold_plural
from gram_jax.attributes.units import number_with_unit, pack_at, plain_number, unit_at
from gram_jax.text.normal_form import normalize_text, words_of_normal_form

_TIMES = re.compile(r"x\d+")  # the end of "6'x9'", but 'm18 x4' is a name
_LENGTHS = ((), ("in",), ("ft",))
_DIGIT = re.compile(r"\d")
_FRACTION = re.compile(r"\d+/\d+")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")  # 40,000
_DECIMAL_COMMA = re.compile(
    r"(?<![\d.,])(\d{1,3}),(?=\d{1,2}\s?(?:mm|cm|m|km|ml|cl|l|mg|g|kg|v|w|kw|ah)\b)")
_LEADING_POINT = re.compile(r"(?<![\d.])\.(?=\d)")  # .5
# Marks which words() drops although they are units behind a number.
_INCHES = re.compile(r"(\d)\s*(?:\"|''|[\u201d\u2033])")
_FEET = re.compile(r"(\d)\s*['\u2019\u2032](?![a-wyz])")
_PERCENT = re.compile(r"(\d)\s*%")
_QUOTES = re.compile("[\"'\u2019\u201d\u2032\u2033]")
_CACHED_LENGTH = 64  # longer texts are titles, which seldom come twice


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """The words of a text in normal form, and the words of the text that each came from.

    Args:
      words: in normal form.
      raw: as they were written, save for case and marks.
      starts: for each of `words`, the first of `raw` that it came from; never falling.
    """

    words: tuple[str, ...]
    raw: tuple[str, ...]
    starts: tuple[int, ...]

    def surface(self, start: int, end: int) -> str:
        """How the words `start` up to `end` were written."""
        first, last = self.starts[start], self.starts[end - 1]
        behind = next((at for at in self.starts[end:] if at > last), len(self.raw))
        return " ".join(self.raw[first:behind])


def value_words(text: str) -> tuple[str, ...]:
    """The words of a text in normal form: plurals folded, units, packs and numbers spelled alike.

    A value is in normal form exactly when it is `" ".join(value_words(value))`, and spans of
    attributes count these words.
    """
    return _words_of_short(text) if len(text) <= _CACHED_LENGTH else read_words(text).words


def normalize_value(text: str) -> str:
    """The normal form of a value; empty where it has no letter or digit.

    Examples:
      >>> [normalize_value(text) for text in ("Kitchen Sinks", "12-Gauge", "12 ga.", "pack of 6")]
      ['kitchen sink', '12 gauge', '12 gauge', '6 pack']
    """
    return " ".join(value_words(text))


def read_words(text: str) -> Reading:
    """`value_words` with what each word was before."""
    if "&" in text:
        text = html.unescape(text)
    text = normalize_text(text)
    if not _DIGIT.search(text):
        raw = words_of_normal_form(text)
        return Reading(tuple(map(fold_plural, raw)), tuple(raw), tuple(range(len(raw))))
    raw = words_of_normal_form(_plain_marks(text))
    folded: list[str] = []
    starts: list[int] = []
    at = 0
    while at < len(raw):
        start = at
        if raw[at][0].isdecimal():
            found, at = _measure(raw, at, folded)
        elif (number := pack_at(raw, at)) is not None:
            found, at = (number, "pack"), at + 3
        else:
            found, at = (fold_plural(raw[at]),), at + 1
        folded.extend(found)
        starts.extend([start] * len(found))
    return Reading(tuple(folded), tuple(raw), tuple(starts))


@functools.lru_cache(maxsize=1 << 15)
def _words_of_short(text: str) -> tuple[str, ...]:
    """Fields repeat their values."""
    return read_words(text).words


def _plain_marks(text: str) -> str:
    """A text with digits whose commas, points and marks of units are written out."""
    if "," in text:
        text = _DECIMAL_COMMA.sub(r"\1.", _THOUSANDS.sub("", text))
    if "." in text:
        text = _LEADING_POINT.sub("0.", text)
    if _QUOTES.search(text):
        text = _FEET.sub(r"\1 ft ", _INCHES.sub(r"\1 in ", text))
    return _PERCENT.sub(r"\1 percent ", text) if "%" in text else text


def _measure(raw: list[str], at: int, folded: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """The number at `at` with its unit in normal form, and the place behind them in `raw`."""
    number = plain_number(raw[at])
    at += 1
    if at < len(raw) and number.isdigit() and _FRACTION.fullmatch(raw[at]):
        number = f"{number}-{raw[at]}"  # '1 1/2' is '1-1/2'
        at += 1
    length, unit = unit_at(raw, at)
    at += length
    if not (folded and folded[-1].isdigit()):  # '2 0.5 in' would turn into '2 1/2 in'
        number = number_with_unit(number, unit)
    if at < len(raw) and _TIMES.fullmatch(raw[at]) and unit in _LENGTHS:
        raw[at:at + 1] = "x", raw[at][1:]
    return (number, *unit), at
