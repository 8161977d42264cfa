"""The attribute values of products and of texts."""

import dataclasses

from gram_jax.attributes.gazetteer import Gazetteer
from gram_jax.attributes.normalize import normalize_value
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.core.records import Product

Values = tuple[tuple[str, str], ...]
"""(type, value in normal form) pairs, unique, in canonical order."""


@dataclasses.dataclass(frozen=True)
class AttributeExtractor:
    """Reads values off structured fields and titles with one schema and gazetteer."""

    schema: AttributeSchema
    gazetteer: Gazetteer

    def of_product(self, product: Product) -> Values:
        """What the product's fields say and its title mentions.

        A field's value takes the type that the gazetteer knows it by, so that 'chrome' in the
        field `material` and 'chrome' in a title are one value.
        """
        found = self._mentions(product.title)
        for field, values in product.attributes.items():
            attribute = self.schema.type_of_field(field)
            for value in values if attribute is not None else ():
                normal = normalize_value(value)
                if normal:
                    found.setdefault(normal, self.gazetteer.attribute_of.get(normal, attribute))
                    found |= self._mentions(value)
        return self._ordered(found)

    def of_text(self, text: str) -> Values:
        """What a text mentions."""
        return self._ordered(self._mentions(text))

    def _mentions(self, text: str) -> dict[str, str]:
        return {span.value: span.attribute for span in self.gazetteer.match(text)
                if span.attribute in self.schema.rank}

    def _ordered(self, found: dict[str, str]) -> Values:
        rank = self.schema.rank
        return tuple(sorted(((attribute, value) for value, attribute in found.items()),
                            key=lambda pair: (rank[pair[0]], pair[1])))
