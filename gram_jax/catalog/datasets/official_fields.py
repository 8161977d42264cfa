"""What single fields of the public data sets hold: text with markup, labels. Knows no files."""

import html
import re
from collections.abc import Mapping
from typing import Any

from gram_jax.catalog.validation import BadRow, attribute_values

# A tag begins with a letter or with a slash and a letter: 'width < 5 in.' is text.
_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^<>]*>", re.DOTALL)


def plain_text(markup: str) -> str:
    """The text without tags, entities resolved, white space collapsed; a tag separates words."""
    return " ".join(html.unescape(_TAG.sub(" ", markup)).split())


def plain_field(values: Mapping[str, Any], name: str) -> str:
    """The plain text of a field; '' where the row has none.

    Raises:
      BadRow: the field holds neither text nor a number.
    """
    return " ".join(plain_text(text) for text in attribute_values(name, values.get(name)))


def choice_field(values: Mapping[str, Any], name: str, known: Mapping[Any, Any]) -> Any:
    """What one of a few labels stands for.

    Args:
      values: a row.
      name: of the field.
      known: label -> what it stands for.

    Raises:
      BadRow: the field holds another label, or none.
    """
    value = values.get(name)
    if not isinstance(value, str | int) or value not in known:
        raise BadRow(f"wrong {name}", f"{name} is {value!r}, not one of "
                     f"{', '.join(map(repr, known))}", "Fetch the official file.")
    return known[value]
