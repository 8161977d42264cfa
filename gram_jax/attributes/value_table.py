"""Which attribute values many texts hold, as arrays: a row for each product, or for each query.

Index glossary: `value` counts `values`, sorted by text; a value is known by its text alone, as a
code is. `row` counts products or queries, in an order that the table's owner knows.
"""

import dataclasses
import functools
import itertools
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from gram_jax.attributes.schema import AttributeSchema
from gram_jax.core.atomic import atomic_directory
from gram_jax.core.errors import ArtifactError

Values = tuple[tuple[str, str], ...]
"""(type, value in normal form) pairs, unique, in canonical order."""

_VALUES, _ROWS = "values.jsonl", "rows.npz"


@dataclasses.dataclass(frozen=True, eq=False)
class ValueTable:
    """The values of rows, as compressed rows.

    Args:
      values: (type, text) of every value, sorted by text; texts are unique.
      starts: int64 [rows + 1]; the values of row r are `held[starts[r]:starts[r + 1]]`.
      held: int32 [pairs of row and value], value numbers, rising within a row.

    Raises:
      ValueError: any of this does not hold.
    """

    values: tuple[tuple[str, str], ...]
    starts: np.ndarray
    held: np.ndarray

    def __post_init__(self):
        texts = [text for _, text in self.values]
        if any(one >= other for one, other in itertools.pairwise(texts)):
            raise ValueError("values are not sorted and unique by text")
        starts, held = self.starts, self.held
        if starts.dtype != np.int64 or held.dtype != np.int32:
            raise ValueError(f"starts and held are {starts.dtype} and {held.dtype}, not int64 and "
                             "int32")
        if not len(starts) or starts[0] != 0 or starts[-1] != len(held) \
                or np.any(np.diff(starts) < 0):
            raise ValueError(f"starts do not divide {len(held)} held values")
        if len(held) and not 0 <= held.min() <= held.max() < len(texts):
            raise ValueError(f"a row holds a value outside {len(texts)}")
        rises = np.diff(held) > 0
        rises[starts[(starts > 0) & (starts < len(held))] - 1] = True
        if not rises.all():
            raise ValueError("the values of a row do not rise")

    @classmethod
    def build(cls, rows: Iterable[Values], schema: AttributeSchema) -> "ValueTable":
        """Numbers the values of rows; a text held under several types gets the commonest one."""
        counts: Counter[tuple[str, str]] = Counter()
        met: dict[str, int] = {}  # text -> number in order of first meeting
        starts, flat = [0], []
        for values in rows:
            counts.update(values)
            flat.extend(sorted({met.setdefault(text, len(met)) for _, text in values}))
            starts.append(len(flat))
        return cls._sorted(counts, met, np.array(starts, np.int64), np.array(flat, np.int32),
                           schema)

    @classmethod
    def _sorted(cls, counts, met: Mapping[str, int], starts, flat, schema) -> "ValueTable":
        attribute_of: dict[str, str] = {}
        for attribute, text in sorted(counts, key=lambda pair: (-counts[pair],
                                                                schema.rank[pair[0]], pair[1])):
            attribute_of.setdefault(text, attribute)
        texts = sorted(met)
        place = np.zeros(len(met), np.int32)
        for number, text in enumerate(texts):
            place[met[text]] = number
        rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        held = place[flat]
        held = held[np.lexsort((held, rows))]
        return cls(tuple((attribute_of[text], text) for text in texts), starts, held)

    @property
    def num_rows(self) -> int:
        """How many rows there are, those that hold nothing included."""
        return len(self.starts) - 1

    def of_row(self, row: int) -> np.ndarray:
        """The rising value numbers of a row."""
        return self.held[self.starts[row]:self.starts[row + 1]]

    @functools.cached_property
    def sizes(self) -> np.ndarray:
        """How many rows hold each value: int64 [values]."""
        return np.bincount(self.held, minlength=len(self.values)).astype(np.int64)

    @functools.cached_property
    def postings(self) -> tuple[np.ndarray, ...]:
        """The rising rows that hold each value: int32."""
        rows = np.repeat(np.arange(self.num_rows, dtype=np.int32), np.diff(self.starts))
        by_value = rows[np.argsort(self.held, kind="stable")]
        return tuple(np.split(by_value, np.cumsum(self.sizes)[:-1])) if len(self.values) else ()

    @functools.cached_property
    def number_of_text(self) -> Mapping[str, int]:
        """Value number by text."""
        return {text: number for number, (_, text) in enumerate(self.values)}

    def numbered_as(self, other: "ValueTable") -> "ValueTable":
        """This table's rows with the value numbers of `other`; values it lacks are dropped."""
        number = np.array([other.number_of_text.get(text, -1) for _, text in self.values],
                          np.int32)
        held = number[self.held] if len(self.held) else self.held
        rows = np.repeat(np.arange(self.num_rows), np.diff(self.starts))[held >= 0]
        held = held[held >= 0]
        starts = np.zeros(self.num_rows + 1, np.int64)
        np.cumsum(np.bincount(rows, minlength=self.num_rows), out=starts[1:])
        return ValueTable(other.values, starts, held)

    def save(self, folder: str | os.PathLike) -> None:
        """Writes the table as a folder, whole or not at all."""
        with atomic_directory(folder) as fresh:
            with open(fresh / _VALUES, "w", encoding="utf-8", newline="\n") as stream:
                for value in self.values:
                    stream.write(json.dumps(value, ensure_ascii=False) + "\n")
            np.savez(fresh / _ROWS, starts=self.starts, held=self.held)

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "ValueTable":
        """Reads what `save` wrote.

        Raises:
          ArtifactError: a file is missing or damaged.
        """
        try:
            with open(Path(folder) / _VALUES, encoding="utf-8", newline="\n") as stream:
                values = tuple((attribute, text) for attribute, text in map(json.loads, stream))
            with np.load(Path(folder) / _ROWS, allow_pickle=False) as arrays:
                return cls(values, arrays["starts"], arrays["held"])
        except Exception as error:  # zip, JSON and validation errors share no narrower base
            raise ArtifactError(f"{folder} does not hold a value table ({error}): run the "
                                "attributes stage again") from error


def row_values(table: ValueTable, rows: Sequence[int] | None = None) -> Iterable[Values]:
    """The values of rows, as texts."""
    for row in range(table.num_rows) if rows is None else rows:
        yield tuple(table.values[value] for value in table.of_row(row))
