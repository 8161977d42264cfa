"""The normal form of attribute values, in which two ways to write one value meet.

'Kitchen Sinks' and 'kitchen sink', '12-Gauge' and '12 ga.', '60"' and '60 inches' become one. Knows
no catalogue: nothing here depends on which values exist.
"""

import functools
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path

from gram_jax.text.normal_form import normalize_text, words

NUMBER = re.compile(r"\d+(?:[./-]\d+)*")
_TIMES = re.compile(r"x\d+")  # the end of "6'x9'", but 'm18 x4' is a name
_LENGTHS = ((), ("in",), ("ft",))
_DIGIT = re.compile(r"\d")
_FRACTION = re.compile(r"\d+/\d+")
_REWRITES = tuple((re.compile(pattern), by) for pattern, by in (
    (r"(?<=\d),(?=\d{3}\b)", ""),  # 40,000
    (r"(?<![\d.])\.(?=\d)", "0."),  # .5
    # Marks which words() drops although they are units behind a number.
    (r"(\d)\s*(?:\"|''|[\u201d\u2033])", r"\1 in "),
    (r"(\d)\s*['\u2019\u2032](?![a-wyz])", r"\1 ft "),
    (r"(\d)\s*%", r"\1 percent "),
))
_SINGULAR = {"knives": "knife", "shelves": "shelf", "leaves": "leaf", "wolves": "wolf",
             "halves": "half", "children": "child", "childrens": "child", "feet": "foot",
             "mice": "mouse", "teeth": "tooth"}
_NO_PLURAL = frozenset([
    "adidas", "always", "asics", "atlas", "canvas", "chaos", "christmas", "cosmos", "dallas", "gps",
    "kansas", "kids", "lens", "molasses", "news", "series", "species", "texas", "towards"])


def fold_plural(word: str) -> str:
    """The singular of an English plural; other words as they are. Folding twice changes nothing."""
    if word in _SINGULAR:
        return _SINGULAR[word]
    if len(word) < 4 or not word.endswith("s") or word in _NO_PLURAL or not word.isascii() \
            or not word.isalpha() or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zzes")):
        return word[:-2]
    return word[:-1]


@functools.cache
def unit_types() -> Mapping[str, str]:
    """Normal form of every unit ('in', 'sq ft') -> the attribute type its measures have."""
    return {unit: attribute for attribute, units in _units().items() for unit in units}


@functools.lru_cache(maxsize=1 << 17)
def value_words(text: str) -> tuple[str, ...]:
    """The words of a text in normal form: plurals folded, and units after a number spelled alike.

    A value is in normal form exactly when it is `" ".join(value_words(value))`, and spans of
    attributes count these words. Kept for texts read of late: fields repeat their values, and
    titles are read to build a gazetteer and again to be matched with it.
    """
    if "&" in text:
        text = html.unescape(text)
    text = normalize_text(text)
    if _DIGIT.search(text):
        for pattern, by in _REWRITES:
            text = pattern.sub(by, text)
    raw = words(text)
    folded: list[str] = []
    at = 0
    while at < len(raw):
        if not NUMBER.fullmatch(raw[at]):
            folded.append(fold_plural(raw[at]))
            at += 1
            continue
        number = raw[at]
        at += 1
        if at < len(raw) and number.isdigit() and _FRACTION.fullmatch(raw[at]):
            number = f"{number}-{raw[at]}"  # '1 1/2' is '1-1/2'
            at += 1
        length, unit = _unit_at(raw, at)
        folded.extend((number, *unit))
        at += length
        if at < len(raw) and _TIMES.fullmatch(raw[at]) and unit in _LENGTHS:
            raw[at:at + 1] = "x", raw[at][1:]
    return tuple(folded)


def normalize_value(text: str) -> str:
    """The normal form of a value; empty where it has no letter or digit."""
    return " ".join(value_words(text))


def _unit_at(raw: list[str], at: int) -> tuple[int, tuple[str, ...]]:
    """How many words from `at` spell a unit, and the unit's own words."""
    for length in (2, 1):
        unit = _unit_by_spelling().get(" ".join(raw[at:at + length]))
        if unit is not None and at + length <= len(raw):
            return length, tuple(unit.split())
    return 0, ()


@functools.cache
def _unit_by_spelling() -> Mapping[str, str]:
    return {spelling: unit for units in _units().values()
            for unit, aliases in units.items() for spelling in (unit, *aliases)}


@functools.cache
def _units() -> Mapping[str, Mapping[str, list[str]]]:
    path = Path(__file__).parent / "units.json"
    return json.loads(path.read_text(encoding="utf-8"))
