"""From a shop to everything the codes stage leaves: attributes, codes, examples, quality."""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gram_jax.attributes.extract import AttributeExtractor
from gram_jax.attributes.gazetteer import Gazetteer
from gram_jax.attributes.gazetteer_building import (
    GazetteerSettings,
    build_gazetteer,
    stop_words,
)
from gram_jax.attributes.normalize import value_words
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.catalog.shop import Shop
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.examples import CodeExample, product_text, write_code_examples
from gram_jax.codes.mining import MinedCodes, MiningQuery, clicked_products, mine_codes
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.codes.quality import code_quality, reach
from gram_jax.codes.query_codes import codes_of_queries
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ConfigError
from gram_jax.core.records import RELEVANT_GRADE, Click, Query


@dataclasses.dataclass(frozen=True)
class CodeArtifacts:
    """What the codes stage leaves.

    Args:
      schema: attribute types.
      gazetteer: the catalogue's values.
      code_table: codes and products.
      train_queries: text -> codes of train queries that have any; what the model learns from.
      tune_queries: the same of tune queries, from their relevant products, for metrics only: no
        code was made of them.
      products: text -> codes of products that have any.
      quality: figures, JSON-able.
    """

    schema: AttributeSchema
    gazetteer: Gazetteer
    code_table: CodeTable
    train_queries: tuple[CodeExample, ...]
    tune_queries: tuple[CodeExample, ...]
    products: tuple[CodeExample, ...]
    quality: Mapping[str, object]

    def save(self, folder: str | os.PathLike) -> None:
        """Writes every artifact below `folder`."""
        folder = Path(folder)
        self.schema.save(folder / "schema.json")
        self.gazetteer.save(folder / "gazetteer.json")
        self.code_table.save(folder / "table")
        write_code_examples(folder / "query_codes.train.jsonl", self.train_queries)
        write_code_examples(folder / "query_codes.tune.jsonl", self.tune_queries)
        write_code_examples(folder / "product_codes.train.jsonl", self.products)
        with atomic_file(folder / "quality.json") as stream:
            json.dump(self.quality, stream, indent=2)


def build_codes(shop: Shop, *, schema: AttributeSchema | None = None,
                settings: MiningSettings | None = None,
                gazetteer_settings: GazetteerSettings | None = None,
                progress: Callable = lambda it, description, total: it) -> CodeArtifacts:
    """Reads the attributes of a shop and mines its codes from the train queries.

    Args:
      shop: tune and test queries are not looked at for mining.
      schema: the 16 types that ship when None.
      settings: of mining; the defaults suit tens of thousands of products.
      gazetteer_settings: of the gazetteer; the defaults when None.
      progress: wraps long loops.

    Raises:
      ConfigError: no code is within the settings' bounds.
    """
    schema, settings = schema or AttributeSchema.load(), settings or MiningSettings()
    train = shop.queries_of("train")
    gazetteer = build_gazetteer(shop.products, schema, query_texts=[query.text for query in train],
                                settings=gazetteer_settings, progress=progress)
    extractor = AttributeExtractor(schema, gazetteer)
    product_values = [extractor.of_product(product) for product in progress(
        shop.products, "reading attributes", len(shop.products))]
    product_ids = tuple(product.product_id for product in shop.products)
    mined = mine_codes(
        product_values=product_values,
        queries={query.query_id: _mining_query(query, extractor) for query in train},
        clicks=shop.clicks_of("train"), product_ids=product_ids, settings=settings,
        schema=schema, progress=progress)
    if not mined.code_table.num_codes:
        raise ConfigError(
            f"no code has {settings.min_products} to {settings.max_products} products of "
            f"{len(product_ids)}: lower MiningSettings.min_products, or give products attributes")
    relevant = _relevant_products(shop, product_ids)
    tune_codes = _tune_codes(shop, mined.code_table, extractor, relevant, settings)
    fields = {field for product in shop.products for field in product.attributes}
    quality = code_quality(mined.code_table, mined.query_codes, num_queries=len(train)) | {
        "tune_queries": reach(mined.code_table, tune_codes, relevant),
        "fields_of_no_type": sorted(name for name in fields if not schema.type_of_field(name)),
    }
    return CodeArtifacts(
        schema, gazetteer, mined.code_table,
        train_queries=_query_examples(train, mined.query_codes, mined.code_table),
        tune_queries=_query_examples(shop.queries_of("tune"), tune_codes, mined.code_table),
        products=_product_examples(shop, mined), quality=quality)


def _mining_query(query: Query, extractor: AttributeExtractor) -> MiningQuery:
    telling = [word for word in value_words(query.text) if word not in stop_words()]
    return MiningQuery(tuple(telling), extractor.of_text(query.text))


def _relevant_products(shop: Shop, product_ids: Sequence[str]) -> dict[str, dict[int, float]]:
    """query_id -> relevant product -> 1, of tune queries that have any."""
    wanted = [Click(query_id, product_id) for query_id, grades in shop.qrels("tune").items()
              for product_id, grade in grades.items() if grade >= RELEVANT_GRADE]
    return clicked_products(wanted, shop.splits, product_ids)


def _tune_codes(shop: Shop, table: CodeTable, extractor: AttributeExtractor,
                relevant: Mapping[str, Mapping[int, float]],
                settings: MiningSettings) -> dict[str, tuple[int, ...]]:
    """Gold codes of tune queries; their text predicts what it mentions."""
    certainties = {query.query_id: {value: 1.0 for _, value in extractor.of_text(query.text)}
                   for query in shop.queries_of("tune")}
    return codes_of_queries(
        [table.postings(code) for code in range(table.num_codes)],
        [tuple(value for _, value in code.values) for code in table.codes],
        certainties, relevant, num_products=len(table.product_ids), settings=settings)


def _query_examples(queries: Sequence[Query], query_codes: Mapping[str, Sequence[int]],
                    table: CodeTable) -> tuple[CodeExample, ...]:
    return tuple(CodeExample(query.query_id, query.text,
                             tuple(table.codes[code].text for code in query_codes[query.query_id]))
                 for query in queries if query.query_id in query_codes)


def _product_examples(shop: Shop, mined: MinedCodes) -> tuple[CodeExample, ...]:
    examples = []
    for at, product in enumerate(shop.products):
        codes = tuple(mined.code_table.codes[code].text for code in mined.codes_of_product(at))
        if codes:
            examples.append(CodeExample(product.product_id, product_text(product), codes))
    return tuple(examples)
