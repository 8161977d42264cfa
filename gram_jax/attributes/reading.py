"""The attribute values of a whole shop: learned from its products and queries, then read off them.

Knows no codes and no clicks' meaning beyond who chose what.
"""

import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from gram_jax.attributes.extract import AttributeExtractor
from gram_jax.attributes.families import Families
from gram_jax.attributes.gazetteer_building import GazetteerSettings
from gram_jax.attributes.learning import extractor_of_counts
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.shards import (
    TagsById,
    count_product_terms,
    count_query_terms,
    read_product_values,
    read_query_values,
)
from gram_jax.attributes.spelling import SpellingSettings
from gram_jax.attributes.value_table import ValueTable
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError
from gram_jax.core.parallel import MapShards, map_here
from gram_jax.core.records import Product, Query

_QUERY_IDS = "query_ids.json"


@dataclasses.dataclass(frozen=True, eq=False)
class ShopAttributes:
    """What the texts of a shop hold.

    Args:
      schema: the attribute types.
      products: the values of every product, in the catalogue's order.
      queries: the values of queries, in the order of `query_ids`.
      query_ids: rising.
    """

    schema: AttributeSchema
    products: ValueTable
    queries: ValueTable
    query_ids: tuple[str, ...]

    def save(self, folder: str | os.PathLike) -> None:
        """Writes the tables below `folder`; the schema is the extractor's to write."""
        self.products.save(Path(folder) / "products")
        self.queries.save(Path(folder) / "queries")
        with atomic_file(Path(folder) / _QUERY_IDS) as stream:
            json.dump(self.query_ids, stream)

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "ShopAttributes":
        """Reads what `save` wrote, and the schema beside it.

        Raises:
          ArtifactError: something is missing or damaged.
        """
        folder = Path(folder)
        try:
            query_ids = tuple(json.loads((folder / _QUERY_IDS).read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise ArtifactError(f"{folder} holds no readable {_QUERY_IDS} ({error}): run the "
                                "attributes stage again") from error
        return cls(AttributeSchema.load(folder / "schema.json"),
                   ValueTable.load(folder / "products"), ValueTable.load(folder / "queries"),
                   query_ids)


def learn_extractor(products: Sequence[Product], train_queries: Sequence[Query], *,
                    schema: AttributeSchema, settings: GazetteerSettings | None = None,
                    spelling: SpellingSettings | None = None, families: Families | None = None,
                    map_shards: MapShards = map_here,
                    progress: Callable = lambda it, description, total: it) -> AttributeExtractor:
    """An extractor that knows the values, brands and words of a catalogue, and no synonyms."""
    counts = count_product_terms(products, schema, map_shards=map_shards, progress=progress)
    query_counts = count_query_terms([query.text for query in train_queries],
                                     map_shards=map_shards)
    return extractor_of_counts(counts, query_counts, schema, gazetteer=settings, spelling=spelling,
                               families=families)


def read_attributes(products: Sequence[Product], queries: Sequence[Query],
                    extractor: AttributeExtractor, *, tagged_products: TagsById | None = None,
                    tagged_queries: TagsById | None = None, map_shards: MapShards = map_here,
                    progress: Callable = lambda it, description, total: it) -> ShopAttributes:
    """Reads the values of every product and of the given queries.

    Args:
      products: the catalogue.
      queries: train and tune queries.
      extractor: reads their values.
      tagged_products: spans of titles, by product_id; any may be missing.
      tagged_queries: spans of query texts, by query_id.
      map_shards: where shards are worked on.
      progress: shows the shards of products as they are done.
    """
    asked = sorted(queries, key=lambda query: query.query_id)
    return ShopAttributes(
        extractor.schema,
        read_product_values(products, extractor, tagged=tagged_products, map_shards=map_shards,
                            progress=progress),
        read_query_values(asked, extractor, tagged=tagged_queries, map_shards=map_shards),
        tuple(query.query_id for query in asked))
