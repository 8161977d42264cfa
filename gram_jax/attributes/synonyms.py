"""Values that mean the same, as a list that people review and edit: one JSON object a line.

    {"from": "sneaker", "to": "running shoe", "type": "category", "clicks": 12, "p_value": 1e-9,
     "status": "learned"}

`status` is 'learned' (found in clicks), 'given' (somebody's word: taken unconditionally) or
'rejected' (stays off, however often it is learned again). Who learns them is `synonym_learning`.
"""

import dataclasses
import functools
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from gram_jax.attributes.normalize import normalize_value
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import InputError

STATUSES = ("given", "learned", "rejected")
_REMEDY = ('write {"from": "sneaker", "to": "running shoe", "type": "category", '
           '"status": "given"}')


@dataclasses.dataclass(frozen=True)
class Merge:
    """Two values which mean, or do not mean, the same.

    Args:
      source: the value that is replaced, in normal form ('from' in files).
      target: the value that replaces it ('to' in files).
      attribute: type of the target ('type' in files).
      status: one of `STATUSES`.
      clicks: queries whose clicks speak for it.
      p_value: chance of as many if the two had nothing to do with each other.
      line: where it stood in a file, 0 elsewhere.

    Raises:
      ValueError: a value is empty, out of normal form, or the same as the other.
    """

    source: str
    target: str
    attribute: str
    status: str = "given"
    clicks: int = 0
    p_value: float = 1.0
    line: int = dataclasses.field(default=0, compare=False)

    def __post_init__(self):
        for value in (self.source, self.target):
            if not value or normalize_value(value) != value:
                raise ValueError(f"the value {value!r} is empty or not in normal form")
        if self.source == self.target:
            raise ValueError(f"{self.source!r} is merged with itself")
        if self.status not in STATUSES:
            raise ValueError(f"the status {self.status!r} is none of {', '.join(STATUSES)}")


@dataclasses.dataclass(frozen=True)
class Synonyms:
    """Merges, and for each value its one representative.

    A chain (a to b, b to c) ends at its last value. A given merge goes before learned ones of the
    same value, and a learned one that would close a circle is left out.

    Args:
      merges: in any order.

    Raises:
      InputError: given merges contradict each other: two targets of one value, or a circle.
    """

    merges: tuple[Merge, ...] = ()

    def __post_init__(self):
        _ = self.representatives  # refuses contradictions now

    @functools.cached_property
    def representatives(self) -> Mapping[str, tuple[str, str]]:
        """Value -> (type, value) that stands for it."""
        rejected = {frozenset((merge.source, merge.target)) for merge in self.merges
                    if merge.status == "rejected"}
        active = [merge for merge in self.merges if merge.status != "rejected" and (
            merge.status == "given" or frozenset((merge.source, merge.target)) not in rejected)]
        chosen: dict[str, Merge] = {}
        for merge in sorted(active, key=lambda merge: (merge.status != "given", merge.p_value,
                                                       merge.source, merge.target)):
            if self._may_join(merge, chosen):
                chosen[merge.source] = merge
        resolved = {}
        for source, merge in chosen.items():
            while merge.target in chosen:
                merge = chosen[merge.target]
            resolved[source] = (merge.attribute, merge.target)
        return resolved

    @staticmethod
    def _may_join(merge: Merge, chosen: Mapping[str, Merge]) -> bool:
        """Whether a merge fits those chosen before it.

        Raises:
          InputError: it is given and does not.
        """
        other = chosen.get(merge.source)
        problem = ""
        if other is not None and other.target != merge.target:
            problem = (f"{merge.source!r} is given two meanings, {other.target!r} and "
                       f"{merge.target!r}")
        end = merge.target
        while not problem and end in chosen:
            end = chosen[end].target
            if end == merge.source:
                problem = f"{merge.source!r} and {merge.target!r} are each to stand for the other"
        if problem and merge.status == "given":
            raise InputError(problem, line=merge.line or None,
                             remedy="keep one of the lines, or set the other's status to "
                                    "'rejected'")
        return not problem and other is None

    def joined_by(self, learned: "Synonyms") -> "Synonyms":
        """These and what was learned beside them; a pair that is here stays as it is."""
        known = {frozenset((merge.source, merge.target)) for merge in self.merges}
        return Synonyms(self.merges + tuple(
            merge for merge in learned.merges
            if frozenset((merge.source, merge.target)) not in known))

    def save(self, path: str | os.PathLike) -> None:
        """Writes a line for every merge, by type and value."""
        with atomic_file(path) as stream:
            for merge in sorted(self.merges, key=lambda merge: (merge.attribute, merge.source,
                                                                merge.target)):
                stream.write(json.dumps({
                    "from": merge.source, "to": merge.target, "type": merge.attribute,
                    "clicks": merge.clicks, "p_value": merge.p_value, "status": merge.status},
                    ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: str | os.PathLike, *, types: Iterable[str] | None = None) -> "Synonyms":
        """Reads a file that `save` or a person wrote; values need not be in normal form.

        Args:
          path: one JSON object a line; 'clicks' and 'p_value' may be left out, and so may
            'status' ('given').
          types: the attribute types there are; any are taken when None.

        Raises:
          InputError: a line is wrong, or given merges contradict each other.
        """
        path, merges = Path(path), []
        types = None if types is None else frozenset(types)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise InputError(f"cannot read the synonyms ({error})", path=path,
                             remedy="bind a UTF-8 file that exists") from error
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                merges.append(_merge_of(line, path, number, types))
        try:
            return cls(tuple(merges))
        except InputError as error:
            raise InputError(error.problem, path=path, line=error.line,
                             remedy=error.remedy) from error


def _merge_of(line: str, path: Path, number: int, types: frozenset[str] | None) -> Merge:
    try:
        row = json.loads(line)
        unknown = row.keys() - {"from", "to", "type", "clicks", "p_value", "status"}
        if unknown:
            raise ValueError(f"unknown key {min(unknown)!r}")
        if not all(isinstance(row[key], str) for key in ("from", "to", "type")):
            raise ValueError("'from', 'to' and 'type' are texts")
        if types is not None and row["type"] not in types:
            raise ValueError(f"the type {row['type']!r} is none of {', '.join(sorted(types))}")
        return Merge(normalize_value(row["from"]), normalize_value(row["to"]), row["type"],
                     row.get("status", "given"), int(row.get("clicks", 0)),
                     float(row.get("p_value", 1.0)), number)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"the key {error} is missing" if isinstance(error, KeyError) else error
        raise InputError(f"this line is no merge of two values ({problem})", path=path,
                         line=number, remedy=_REMEDY) from error
