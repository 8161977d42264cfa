"""What the builders of all shops share: tables, features, splits.

A configuration is one table of one shop: its products (split 'catalogue'), or its queries, clicks
or judgments (splits 'train', 'tune' and 'test', those that have rows). The shop comes from the
same function that `gram prepare` calls, so that both hold the same rows and refuse the same input.
Knows nothing of models.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from gram_jax.catalog.datasets.official_files import OfficialDataset
from gram_jax.catalog.shop import SPLITS, Shop
from gram_jax.core.records import Query

TABLES = ("products", "queries", "clicks", "judgments")
Examples = Iterator[tuple[str, dict[str, Any]]]


@dataclasses.dataclass
class ShopConfig(tfds.core.BuilderConfig):
    """One table of a shop.

    Attributes:
      table: one of `TABLES`.
      verify_checksums: whether official files must be the published ones. To say no, give a
        configuration of your own, with a name of its own, as JSON:
        --config='{"name": "mine", "table": "products", "verify_checksums": false}'.
    """

    table: str = "products"
    verify_checksums: bool = True


class ShopBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A builder of the tables of one shop; subclasses say where the shop comes from."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [ShopConfig(name=table, table=table) for table in TABLES]  # noqa: RUF012
    DATASET: OfficialDataset

    def read(self, folder: Path) -> Shop:
        """The shop whose official files lie in `folder`."""
        raise NotImplementedError

    def _folder(self, dl_manager: tfds.download.DownloadManager) -> Path:
        return Path(dl_manager.manual_dir)

    def _features(self) -> dict[str, Any]:
        text = tfds.features.Text
        pair = {"query_id": text(), "product_id": text()}
        return {
            "products": {
                "product_id": text(), "title": text(),
                "attributes": tfds.features.Sequence(
                    {"name": text(), "values": tfds.features.Sequence(text())})},
            "queries": {"query_id": text(), "text": text()},
            "clicks": {**pair, "weight": tfds.features.Scalar(np.float32)},
            "judgments": {**pair, "grade": tfds.features.Scalar(np.int32)},
        }[self.builder_config.table]

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"{self.DATASET.title}: {self.builder_config.table}.",
            features=tfds.features.FeaturesDict(self._features()),
            homepage=self.DATASET.homepage,
            citation=self.DATASET.citation,
            license=self.DATASET.licence,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager
                          ) -> Mapping[str, Examples]:
        shop, table = self.read(self._folder(dl_manager)), self.builder_config.table
        if table == "products":
            return {"catalogue": _products(shop)}
        examples = {"queries": self._queries, "clicks": _clicks, "judgments": _judgments}[table]
        filled = {"queries": SPLITS, "clicks": ("train", "tune"), "judgments": ("tune", "test")}
        return {split: examples(shop, split) for split in filled[table] if _has(shop, table, split)}

    def _generate_examples(self, examples: Examples) -> Examples:
        return examples

    def _queries(self, shop: Shop, split: str) -> Examples:
        for query in shop.queries_of(split):
            yield query.query_id, self.query_example(query)

    def query_example(self, query: Query) -> dict[str, Any]:
        """A row of the table of queries."""
        return {"query_id": query.query_id, "text": query.text}


def _has(shop: Shop, table: str, split: str) -> bool:
    """Whether a split has rows: TFDS does not write an empty one."""
    if table == "queries":
        return bool(shop.queries_of(split))
    return bool(shop.clicks_of(split)) if table == "clicks" else bool(shop.qrels(split))


def _products(shop: Shop) -> Examples:
    for product in shop.products:
        yield product.product_id, {
            "product_id": product.product_id, "title": product.title,
            "attributes": [{"name": name, "values": list(values)}
                           for name, values in product.attributes.items()]}


def _clicks(shop: Shop, split: str) -> Examples:
    for click in shop.clicks_of(split):
        yield f"{click.query_id}\t{click.product_id}", {
            "query_id": click.query_id, "product_id": click.product_id, "weight": click.weight}


def _judgments(shop: Shop, split: str) -> Examples:
    for query_id, grades in shop.qrels(split).items():
        for product_id, grade in grades.items():
            yield f"{query_id}\t{product_id}", {
                "query_id": query_id, "product_id": product_id, "grade": grade}
