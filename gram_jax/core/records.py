"""The records of a shop: products, queries, and what shoppers clicked or people judged."""

import dataclasses
from collections.abc import Mapping

RELEVANT_GRADE = 2
"""A judgment of this grade or more makes a product relevant; grades run from 0 to 3."""


@dataclasses.dataclass(frozen=True, slots=True)
class Product:
    """A catalogue entry. `attributes` maps a field's name, as the shop calls it, to its values."""

    product_id: str
    title: str
    attributes: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Query:
    """What a shopper typed."""

    query_id: str
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Click:
    """A shopper who asked `query_id` chose `product_id`; `weight` counts how often."""

    query_id: str
    product_id: str
    weight: float = 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class Judgment:
    """A person's grade of a product for a query, from 0 (irrelevant) to 3 (exact)."""

    query_id: str
    product_id: str
    grade: int
