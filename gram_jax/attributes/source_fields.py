"""What the public annotated sources call their attributes, as this project's types.

The mapping is data (`source_fields.json`), reviewed by hand: for each source, the names that mean
a type, and the names that mean none with the reason. A shop's own fields are the schema's matter.
"""

import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path

from gram_jax.attributes.schema import AttributeSchema
from gram_jax.core.errors import ConfigError

_SHIPPED = Path(__file__).parent / "source_fields.json"


@dataclasses.dataclass(frozen=True)
class SourceFields:
    """The names of one source.

    Args:
      source: its name.
      type_of_name: name -> type, or None for names that mean no type.
    """

    source: str
    type_of_name: Mapping[str, str | None]

    def type_of(self, name: str) -> str | None:
        """The type that a name means, or None where it means none.

        Raises:
          KeyError: the source has no such name.
        """
        return self.type_of_name[name]


@functools.cache
def load_source_fields() -> Mapping[str, SourceFields]:
    """Source -> its names, from the file that ships.

    Raises:
      ValueError: a type is unknown, or a name stands twice.
    """
    known = AttributeSchema.load().rank
    sources = {}
    for source, row in json.loads(_SHIPPED.read_text(encoding="utf-8")).items():
        names: dict[str, str | None] = {}
        for attribute, listed in (*row["types"].items(), (None, row["none"])):
            if attribute is not None and attribute not in known:
                raise ValueError(f"{source}: {attribute!r} is no type of the schema")
            for name in listed:
                if name in names:
                    raise ValueError(f"{source}: {name!r} stands twice")
                names[name] = attribute
        sources[source] = SourceFields(source, names)
    return sources


def source_fields(source: str) -> SourceFields:
    """The names of a source.

    Raises:
      ConfigError: the source is unknown; the message names those that are known.
    """
    found = load_source_fields()
    if source not in found:
        raise ConfigError(f"the annotated source {source!r} has no mapping onto attribute types. "
                          f"Known: {', '.join(sorted(found))}")
    return found[source]
