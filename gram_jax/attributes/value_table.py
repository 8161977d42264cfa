"""Which attribute values many texts hold, as arrays: a row for each product, or for each query.

Index glossary: `value` counts `values`, sorted by text; a value is known by its text alone, as a
code is. `row` counts products or queries, in an order that the table's owner knows.
"""

import array
import dataclasses
import functools
import itertools
import json
import os
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
class ValueShard:
    """The values of some rows, numbered on their own: what is cheap to send between processes.

    Args:
      pairs: every (type, text) that the rows hold.
      sizes: int64 [rows], how many pairs each row holds.
      held: int32 [pairs of row and value], numbers of `pairs`, row after row.
    """

    pairs: tuple[tuple[str, str], ...]
    sizes: np.ndarray
    held: np.ndarray

    @classmethod
    def of(cls, rows: Iterable[Values]) -> "ValueShard":
        """Numbers the values of rows."""
        met: dict[tuple[str, str], int] = {}
        sizes, held = [], array.array("i")
        for values in rows:
            sizes.append(len(values))
            held.extend([met.setdefault(pair, len(met)) for pair in values])
        return cls(tuple(met), np.array(sizes, np.int64), np.array(held, np.int32))


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
        return cls.join([ValueShard.of(rows)], schema)

    @classmethod
    def join(cls, shards: Iterable[ValueShard], schema: AttributeSchema) -> "ValueTable":
        """The table of all rows of shards, as `build` makes it of these rows."""
        met: dict[tuple[str, str], int] = {}
        sizes, held = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
        for shard in shards:
            number = np.array([met.setdefault(pair, len(met)) for pair in shard.pairs], np.int32)
            held.append(number[shard.held])
            sizes.append(shard.sizes)
        held, sizes = np.concatenate(held), np.concatenate(sizes)
        counts = np.bincount(held, minlength=len(met)).tolist()
        attribute_of: dict[str, str] = {}
        for attribute, text in sorted(met, key=lambda pair: (-counts[met[pair]],
                                                             schema.rank[pair[0]], pair[1])):
            attribute_of.setdefault(text, attribute)
        texts = sorted(attribute_of)
        number_of = {text: number for number, text in enumerate(texts)}
        number = np.array([number_of[text] for _, text in met], np.int64)
        # One number for a row and a value: sorted and unique, rows lie as they should.
        base = max(len(texts), 1)
        rows, held = np.divmod(np.unique(np.repeat(np.arange(len(sizes)) * base, sizes)
                                         + number[held]), base)
        starts = np.zeros(len(sizes) + 1, np.int64)
        np.cumsum(np.bincount(rows, minlength=len(sizes)), out=starts[1:])
        return cls(tuple((attribute_of[text], text) for text in texts), starts,
                   held.astype(np.int32))

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

    def chosen(self, rows: np.ndarray) -> "ValueTable":
        """Only these rows, in the given order."""
        sizes = np.diff(self.starts)[rows]
        starts = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(sizes, out=starts[1:])
        place = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
        return ValueTable(self.values, starts,
                          self.held[np.repeat(self.starts[:-1][rows], sizes) + place])

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
