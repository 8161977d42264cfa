"""Families of values: 'navy' is a blue, 'oak' a wood, 'stainless steel' a steel.

A family is held beside the value, never instead of it. The families that ship are data
(`families.json`), reviewed by hand.
"""

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path

from gram_jax.attributes.normalize import normalize_value
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import InputError

_SHIPPED = Path(__file__).parent / "families.json"
_REMEDY = 'write {"color": {"blue": ["navy", "royal blue"]}}: type, family, members'


@dataclasses.dataclass(frozen=True)
class Families:
    """The family of each member, by type.

    Args:
      family_of: type -> member -> family, all in normal form. A family may be a member of a
        wider one.

    Raises:
      ValueError: a value out of normal form, or a family that is a member of itself.
    """

    family_of: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        for families in self.family_of.values():
            for member in families:
                self._check(member, families)

    def _check(self, member: str, families: Mapping[str, str]) -> None:
        seen = [member]
        while seen[-1] in families:
            seen.append(families[seen[-1]])
            if seen[-1] in seen[:-1]:
                raise ValueError(f"{seen[-1]!r} is of its own family")
        for value in seen:
            if not value or normalize_value(value) != value:
                raise ValueError(f"{value!r} is not in normal form")

    def family(self, attribute: str, value: str) -> str | None:
        """The family of a value of a type, or None."""
        return self.family_of.get(attribute, {}).get(value)

    @classmethod
    def load(cls, path: str | os.PathLike | None = None) -> "Families":
        """The families in a JSON file, or those that ship.

        Raises:
          InputError: the file is missing or holds no families.
        """
        path = _SHIPPED if path is None else Path(path)
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))
            family_of: dict[str, dict[str, str]] = {}
            for attribute, families in rows.items():
                members = family_of.setdefault(attribute, {})
                for family, names in families.items():
                    for name in map(normalize_value, names):
                        if members.setdefault(name, normalize_value(family)) \
                                != normalize_value(family):
                            raise ValueError(f"{name!r} is of two families")
            return cls(family_of)
        except OSError as error:
            raise InputError(f"cannot read the families ({error.strerror})", path=path,
                             remedy="bind a file that exists") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"these are not families of values ({error})", path=path,
                             remedy=_REMEDY) from error

    def save(self, path: str | os.PathLike) -> None:
        """Writes a file that `load` reads."""
        rows: dict[str, dict[str, list[str]]] = {}
        for attribute, members in sorted(self.family_of.items()):
            families = rows.setdefault(attribute, {})
            for member, family in sorted(members.items()):
                families.setdefault(family, []).append(member)
        with atomic_file(path) as stream:
            json.dump(rows, stream, ensure_ascii=False, indent=1)
