"""Values as numbers: which products hold which.

Index glossary: `value` counts the sorted texts of all values that products hold; `product` counts
the catalogue. A value is known by its text alone, as a code is.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from gram_jax.attributes.extract import Values
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.codes.code import Code


@dataclasses.dataclass(frozen=True)
class ValueIndex:
    """The values of a catalogue, in both directions.

    Args:
      values: (attribute, text) of every value, sorted by text.
      product_values: the rising values of every product.
      postings: the rising products of every value, int32.
    """

    values: tuple[tuple[str, str], ...]
    product_values: tuple[tuple[int, ...], ...]
    postings: tuple[np.ndarray, ...]

    @classmethod
    def build(cls, product_values: Sequence[Values], schema: AttributeSchema) -> "ValueIndex":
        """Numbers the values; a text held under several types gets the one of most products."""
        held = Counter(pair for values in product_values for pair in values)
        attribute_of: dict[str, str] = {}
        for attribute, text in sorted(held, key=lambda pair: (-held[pair], schema.rank[pair[0]],
                                                              pair[1])):
            attribute_of.setdefault(text, attribute)
        texts = sorted(attribute_of)
        number = {text: value for value, text in enumerate(texts)}
        numbered = tuple(tuple(sorted({number[text] for _, text in values}))
                         for values in product_values)
        products: list[list[int]] = [[] for _ in texts]
        for product, values in enumerate(numbered):
            for value in values:
                products[value].append(product)
        return cls(tuple((attribute_of[text], text) for text in texts), numbered,
                   tuple(np.array(row, np.int32) for row in products))

    def numbers(self, values: Iterable[tuple[str, str]]) -> tuple[int, ...]:
        """The rising numbers of those values that some product holds."""
        number = self._number_of_text
        return tuple(sorted({number[text] for _, text in values if text in number}))

    def code(self, subset: Iterable[int], schema: AttributeSchema) -> Code:
        """The code of a set of values."""
        return Code.of([self.values[value] for value in subset], schema)

    @property
    def sizes(self) -> np.ndarray:
        """How many products hold each value: int64 [values]."""
        return np.array([len(row) for row in self.postings], np.int64)

    def __post_init__(self):
        object.__setattr__(self, "_number_of_text",
                           {text: number for number, (_, text) in enumerate(self.values)})
