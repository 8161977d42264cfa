"""A code: one to six attribute values in one canonical order, known by how it reads.

Knows nothing of products, of where values come from, or of tokens.
"""

import dataclasses
from collections.abc import Iterable
from typing import Protocol

SEPARATOR = " | "
MAX_VALUES = 6
GRANULARITIES = ("coarse", "medium", "fine")
"""In the order of their number in `CodeTable.granularities`; see `granularity_of`."""


class AttributeOrder(Protocol):
    """What a code needs of a schema: the attribute types in canonical order."""

    names: tuple[str, ...]


def granularity_of(num_values: int) -> str:
    """Coarse holds one or two values, medium three, fine more.

    Examples:
      >>> [granularity_of(num_values) for num_values in (1, 2, 3, 4)]
      ['coarse', 'coarse', 'medium', 'fine']
    """
    if not 1 <= num_values <= MAX_VALUES:
        raise ValueError(f"a code has 1 to {MAX_VALUES} values, not {num_values}")
    return GRANULARITIES[max(0, min(num_values, 4) - 2)]


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Code:
    """A code; two that read alike are one code, so only `text` is compared.

    Args:
      text: the values joined by `SEPARATOR`.
      values: (attribute, value) pairs in canonical order.

    Raises:
      ValueError: too many or no values, a value which is empty or holds the separator's bar, or
        a text which does not read as the values do.
    """

    text: str
    values: tuple[tuple[str, str], ...] = dataclasses.field(compare=False)

    def __post_init__(self):
        granularity_of(len(self.values))
        for attribute, value in self.values:
            if not value or value != value.strip() or "|" in value:
                raise ValueError(f"{attribute}: {value!r} cannot be a value of a code")
        if self.text != SEPARATOR.join(value for _, value in self.values):
            raise ValueError(f"the text {self.text!r} is not made of the values {self.values}")

    @classmethod
    def of(cls, values: Iterable[tuple[str, str]], schema: AttributeOrder) -> "Code":
        """The code of a set of values, whatever order they come in.

        Canonical is the schema's order of types, then alphabetical. A value which two types hold
        is said once, under the first of them.

        Examples:
          >>> from gram_jax.attributes.schema import AttributeSchema
          >>> code = Code.of([("color", "red"), ("category", "shoe"), ("brand", "nike")],
          ...                AttributeSchema.load())
          >>> code.text, code.granularity
          ('nike | shoe | red', 'medium')
        """
        ranked = {name: rank for rank, name in enumerate(schema.names)}
        kept: dict[str, str] = {}
        for attribute, value in sorted(set(values), key=lambda pair: (ranked[pair[0]], pair[1])):
            kept.setdefault(value, attribute)
        ordered = tuple((attribute, value) for value, attribute in kept.items())
        return cls(SEPARATOR.join(value for _, value in ordered), ordered)

    @property
    def granularity(self) -> str:
        """One of `GRANULARITIES`."""
        return granularity_of(len(self.values))
