"""Where in a text an attribute value stands."""

from typing import NamedTuple


class Span(NamedTuple):
    """A value found in a text.

    Args:
      start: index of its first word, counted in `attributes.normalize.value_words`.
      end: index after its last word.
      attribute: the value's type.
      value: its normal form.
    """

    start: int
    end: int
    attribute: str
    value: str
