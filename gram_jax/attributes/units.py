"""Units of measures and the one form of a number: '12 ga.' and '1.50' as '12 gauge' and '1.5'.

Works on the words of a text; knows no catalogue.
"""

import functools
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from gram_jax.attributes.plurals import fold_plural

NUMBER = re.compile(r"\d+(?:[./-]\d+)*")
"""What a word is that is a number: '5.5', '1/2', '1-1/2', '5-7'."""

_DECIMAL = re.compile(r"\d+\.\d+")
_EIGHTHS = {"125": "1/8", "25": "1/4", "375": "3/8", "5": "1/2", "625": "5/8", "75": "3/4",
            "875": "7/8"}
# Sold in halves, quarters and eighths, and written so; the others are written in decimals.
_WRITTEN_IN_FRACTIONS = frozenset([
    ("in",), ("ft",), ("yd",), ("gal",), ("qt",), ("pt",), ("oz",), ("fl", "oz"), ("lb",), ("hp",),
    ("ton",)])
_CONTAINERS = frozenset([
    "pack", "pk", "set", "box", "case", "bag", "carton", "package", "lot", "bundle"])


@functools.cache
def unit_types() -> Mapping[str, str]:
    """Normal form of every unit ('in', 'sq ft') -> the attribute type its measures have."""
    return {unit: attribute for attribute, units in _units().items() for unit in units}


def unit_at(words: Sequence[str], at: int) -> tuple[int, tuple[str, ...]]:
    """How many words from `at` spell a unit, and the unit's own words; (0, ()) where none does."""
    # A unit is one in the plural too, or the normal form of '3 inchs' would not be a fixed point.
    spellings = _unit_by_spelling()
    opening = words[at:at + 2]
    for spelled in (opening, [fold_plural(word) for word in opening]):
        for length in range(len(spelled), 0, -1):
            unit = spellings.get(" ".join(spelled[:length]))
            if unit is not None:
                return length, unit
    return 0, ()


def pack_at(words: Sequence[str], at: int) -> str | None:
    """The number in 'pack of 6', 'set of 4', 'box of 100' where one starts at `at`.

    Not where the number counts something of its own: 'box of 5 lb', 'set of 2 x 4'.
    """
    if fold_plural(words[at]) not in _CONTAINERS or at + 2 >= len(words) or words[at + 1] != "of":
        return None
    number = words[at + 2]
    following = words[at + 3] if at + 3 < len(words) else ""
    if not number.isdecimal() or following.startswith("x") or following[:1].isdecimal() \
            or unit_at(words, at + 3)[0]:
        return None
    return number


def plain_number(number: str) -> str:
    """A number without zeros that say nothing: '1.0' is '1', '2.50' is '2.5', '1.10.0' stays."""
    if number[-1] == "0" and _DECIMAL.fullmatch(number):
        return number.rstrip("0").rstrip(".")
    return number


def number_with_unit(number: str, unit: tuple[str, ...]) -> str:
    """A number as it is written before a unit: '1.5' before 'in' is '1-1/2', '0.5' is '1/2'.

    Only decimals that are whole eighths, and only before units that are sold in fractions: '1.5
    volt' and '1.28 gal' stay.
    """
    if unit not in _WRITTEN_IN_FRACTIONS or not _DECIMAL.fullmatch(number):
        return number
    whole, _, decimals = number.partition(".")
    fraction = _EIGHTHS.get(decimals)
    if fraction is None:
        return number
    return fraction if whole == "0" else f"{whole}-{fraction}"


@functools.cache
def _unit_by_spelling() -> Mapping[str, tuple[str, ...]]:
    return {spelling: tuple(unit.split()) for units in _units().values()
            for unit, aliases in units.items() for spelling in (unit, *aliases)}


@functools.cache
def _units() -> Mapping[str, Mapping[str, list[str]]]:
    path = Path(__file__).parent / "units.json"
    return json.loads(path.read_text(encoding="utf-8"))
