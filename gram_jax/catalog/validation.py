"""What a row from outside may hold: one check per kind of field, and what to do with bad rows.

Knows nothing about file formats. A check takes a row's values under our field names and returns
the clean value or raises `BadRow`, which says what is wrong without saying where: the reader of
the file knows the line.
"""

import decimal
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gram_jax.catalog.shop import SPLITS
from gram_jax.core.errors import ConfigError, InputError

ON_BAD_ROWS = ("refuse", "skip")


class BadRow(Exception):
    """A row that cannot be used.

    Args:
      reason: the kind of fault in a few words, the same for all rows that share it.
      problem: what is wrong with this row, in one sentence.
      remedy: what its owner can do.
    """

    def __init__(self, reason: str, problem: str, remedy: str):
        super().__init__(problem)
        self.reason, self.problem, self.remedy = reason, problem, remedy


class BadRows:
    """The policy for bad rows of all files of one shop, and the count of what it dropped.

    Args:
      on_bad_rows: 'refuse' turns the first bad row into an InputError; 'skip' drops and counts.
    """

    def __init__(self, on_bad_rows: str):
        if on_bad_rows not in ON_BAD_ROWS:
            raise ConfigError(f"on_bad_rows is {on_bad_rows!r}; it must be one of {ON_BAD_ROWS}")
        self._skip = on_bad_rows == "skip"
        self.dropped: Counter[str] = Counter()

    def handle(self, bad: BadRow, *, kind: str, path: Path, line: int) -> None:
        """Counts the row under '<kind>: <reason>'.

        Raises:
          InputError: bad rows are refused.
        """
        if not self._skip:
            raise InputError(
                bad.problem, path=path, line=line,
                remedy=f"{bad.remedy} Or leave such rows out with --on_bad_rows=skip.") from bad
        self.dropped[f"{kind}: {bad.reason}"] += 1


def text_field(values: Mapping[str, Any], name: str) -> str:
    """A field that must hold some text."""
    text = _present(values, name)
    if not isinstance(text, str):
        raise _wrong_type(name, text, "text")
    if not text.strip():
        raise BadRow(f"empty {name}", f"{name} is empty", f"Give every row a {name}.")
    return text.strip()


def id_field(values: Mapping[str, Any], name: str) -> str:
    """A key: text or a whole number, without white space (run files are cut at white space)."""
    key = _present(values, name)
    if isinstance(key, int) and not isinstance(key, bool):
        key = str(key)
    if not isinstance(key, str):
        raise _wrong_type(name, key, "text or a whole number")
    key = key.strip()
    if not key:
        raise BadRow(f"empty {name}", f"{name} is empty", f"Give every row a {name}.")
    if len(key.split()) > 1:
        raise BadRow(f"white space in {name}", f"{name} {key!r} holds white space",
                     "Write it without, for example with '_' instead.")
    return key


def optional_id_field(values: Mapping[str, Any], name: str) -> str | None:
    """`id_field`, or None where the row does not have it."""
    return None if _absent(values.get(name)) else id_field(values, name)


def weight_field(values: Mapping[str, Any], name: str = "weight") -> float:
    """How often something was clicked: a number above 0; 1 where absent."""
    if _absent(values.get(name)):
        return 1.0
    weight = _number(values[name], name)
    if not (math.isfinite(weight) and weight > 0):
        raise BadRow(f"wrong {name}", f"{name} {values[name]!r} is not a number above 0",
                     "A weight counts clicks; leave it empty to count one.")
    return weight


def grade_field(values: Mapping[str, Any], name: str = "grade") -> int:
    """A judgment's grade: 0, 1, 2 or 3."""
    _present(values, name)
    grade = _number(values[name], name)
    if grade not in (0.0, 1.0, 2.0, 3.0):
        raise BadRow(f"wrong {name}", f"{name} {values[name]!r} is not 0, 1, 2 or 3",
                     "Map your labels to 3 (exact), 2 (good), 1 (related) and 0 (irrelevant).")
    return int(grade)


def split_field(values: Mapping[str, Any], name: str = "split") -> str | None:
    """Which split a judged query is in, or None where the row leaves that open."""
    if _absent(values.get(name)):
        return None
    split = text_field(values, name)
    if split not in SPLITS:
        raise BadRow(f"wrong {name}", f"{name} {split!r} is unknown",
                     f"Use one of {', '.join(SPLITS)}, or leave it empty.")
    return split


def attribute_values(name: str, value: Any) -> tuple[str, ...]:
    """The values of one attribute as texts, unique, in order; none where it is empty.

    Text, numbers, and lists of them are taken as they are. A flag has its own name as value when
    it is true ('waterproof': true) and none when it is false.
    """
    if isinstance(value, str):
        text = value.strip()
        return (text,) if text else ()
    elements = value if isinstance(value, list | tuple) else (value,)
    texts = (text for element in elements for text in _scalar_texts(name, element))
    return tuple(dict.fromkeys(texts))


def merged_attributes(values: Mapping[str, Any], fields: Iterable[str],
                      nested_name: str = "attributes") -> dict[str, tuple[str, ...]]:
    """The attributes in `fields` of a row, and those in its nested mapping, where it has one."""
    pairs: list[tuple[str, Any]] = [(name, values[name]) for name in fields]
    nested = values.get(nested_name)
    if not _absent(nested):
        if not isinstance(nested, Mapping):
            raise _wrong_type(nested_name, nested, "a mapping from attribute to values")
        pairs += nested.items()
    merged: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        texts = attribute_values(name, value)
        if texts:
            merged[name] = tuple(dict.fromkeys(merged.get(name, ()) + texts))
    return merged


def check_unicode(value: Any) -> None:
    """Refuses text that UTF-8 cannot hold: bytes that were not UTF-8, or half an escape pair."""
    for text in _texts_within(value):
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            raise BadRow("not UTF-8", "the row is not valid UTF-8",
                         "Save the file as UTF-8, for example with iconv -f latin1 -t utf-8.")


def _scalar_texts(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if text := value.strip():
            yield text
    elif _absent(value):
        return
    elif isinstance(value, bool):
        if value:
            yield name
    elif isinstance(value, int | decimal.Decimal):
        yield str(value)
    elif isinstance(value, float) and math.isfinite(value):
        yield str(int(value)) if value.is_integer() else repr(value)
    else:
        raise _wrong_type(name, value, "text, a number, true or false, or a list of these")


def _absent(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _present(values: Mapping[str, Any], name: str) -> Any:
    value = values.get(name)
    if name not in values or value is None or (isinstance(value, float) and math.isnan(value)):
        raise BadRow(f"missing {name}", f"the row has no {name}",
                     f"Give every row a {name}, or map the column that holds it.")
    return value


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str | decimal.Decimal):
        raise _wrong_type(name, value, "a number")
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise _wrong_type(name, value, "a number") from None


def _wrong_type(name: str, value: Any, expected: str) -> BadRow:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return BadRow(f"wrong type of {name}", f"{name} is {shown}, not {expected}",
                  f"Make {name} {expected}, or map the column to None to ignore it.")


def _texts_within(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts_within(key)
            yield from _texts_within(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts_within(inner)
