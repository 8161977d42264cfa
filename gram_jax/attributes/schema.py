"""The attribute types of a catalogue and the field names that carry them.

The 16 types that ship are data (`schema.json`); a catalogue may give a file of its own. Knows
nothing of values.
"""

import dataclasses
import functools
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import InputError

_SHIPPED = Path(__file__).parent / "schema.json"
_REMEDY = 'write {"attributes": [{"name": "brand", "aliases": ["maker"]}, ...]}'


@dataclasses.dataclass(frozen=True)
class AttributeSchema:
    """Attribute types in canonical order, each with other names a field may have.

    Args:
      names: the types; their order is the canonical order of values in a code.
      aliases: type -> further field names which mean it.

    Raises:
      ValueError: no types, or a name or alias which means two types.
    """

    names: tuple[str, ...]
    aliases: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if not self.names or self.aliases.keys() - set(self.names):
            raise ValueError(f"aliases of unknown types, or no types: {self.names}")
        fields = [_field_key(field) for name in self.names
                  for field in (name, *self.aliases.get(name, ()))]
        for field in fields:
            if not field or fields.count(field) > 1:
                raise ValueError(f"the field name {field!r} is empty or means two types")

    @classmethod
    def load(cls, path: str | os.PathLike | None = None) -> "AttributeSchema":
        """The schema in a JSON file, or the one that ships.

        Raises:
          InputError: the file is missing or is not a schema.
        """
        path = _SHIPPED if path is None else Path(path)
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))["attributes"]
            return cls(tuple(row["name"] for row in rows),
                       {row["name"]: tuple(row.get("aliases", ())) for row in rows})
        except OSError as error:
            raise InputError(f"cannot read the attribute schema ({error.strerror})",
                             path=path, remedy="bind a file that exists") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"this is not an attribute schema ({error})", path=path,
                             remedy=_REMEDY) from error

    def save(self, path: str | os.PathLike) -> None:
        """Writes a file that `load` reads."""
        rows = [{"name": name, "aliases": list(self.aliases.get(name, ()))} for name in self.names]
        with atomic_file(path) as stream:
            json.dump({"attributes": rows}, stream, ensure_ascii=False, indent=1)

    def type_of_field(self, field: str) -> str | None:
        """The type a field's name means, whatever its case and punctuation, or None.

        Examples:
          >>> AttributeSchema.load().type_of_field("Product-Type")
          'category'
        """
        return self._type_by_field.get(_field_key(field))

    @functools.cached_property
    def rank(self) -> Mapping[str, int]:
        """Place of each type in the canonical order."""
        return {name: rank for rank, name in enumerate(self.names)}

    @functools.cached_property
    def _type_by_field(self) -> Mapping[str, str]:
        return {_field_key(field): name for name in self.names
                for field in (name, *self.aliases.get(name, ()))}


def _field_key(field: str) -> str:
    return re.sub(r"[\W_]+", "", field.casefold())
