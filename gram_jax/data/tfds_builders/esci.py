"""ESCI by locale and version, and the QueryNER labels of its queries.

    tfds build gram_jax/data/tfds_builders/esci.py --manual_dir=FOLDER --config=products_us
"""

import dataclasses
import functools
from pathlib import Path

import tensorflow_datasets as tfds

from gram_jax.catalog.datasets.esci import (
    ESCI,
    LOCALES,
    SOURCES,
    VERSIONS,
    read_esci,
    read_esci_sources,
)
from gram_jax.catalog.datasets.queryner import LABELS, PARTS, QUERYNER, read_queryner
from gram_jax.catalog.shop import Shop
from gram_jax.core.records import Query
from gram_jax.data.tfds_builders.shop_builder import TABLES, ShopBuilder, ShopConfig

_LABELLED = "queryner"


@dataclasses.dataclass
class EsciConfig(ShopConfig):
    """A table of one locale and version; the products are those of both versions."""

    locale: str = "us"
    version_of_task: str = "large"


def _configs() -> list[EsciConfig]:
    configs = []
    for locale in LOCALES:
        configs.append(EsciConfig(name=f"products_{locale}", locale=locale))
        configs += [EsciConfig(name=f"{table}_{locale}_{version}", table=table, locale=locale,
                               version_of_task=version)
                    for version in VERSIONS for table in TABLES if table != "products"]
    return [*configs, EsciConfig(name=_LABELLED, table=_LABELLED)]


class Esci(ShopBuilder):
    """`products_us`, `queries_us_large`, ..., and `queryner`."""

    BUILDER_CONFIGS = _configs()
    DATASET = ESCI
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f"{ESCI.instructions} For the configuration '{_LABELLED}': {QUERYNER.how_to_get} They go "
        f"into its folder {_LABELLED}.")

    def read(self, folder: Path) -> Shop:
        """The shop of the configuration's locale and version."""
        config = self.builder_config
        return _shop(folder, config.locale, config.version_of_task, config.verify_checksums)

    def query_example(self, query: Query) -> dict[str, str]:
        """A query and how it was sampled."""
        return super().query_example(query) | {"source": self._sources[query.query_id]}

    def _features(self):
        if self.builder_config.table == _LABELLED:
            return {"query_id": tfds.features.Text(), "text": tfds.features.Text(),
                    "words": tfds.features.Sequence(tfds.features.Text()),
                    "labels": tfds.features.Sequence(tfds.features.ClassLabel(names=LABELS))}
        features = super()._features()
        if self.builder_config.table == "queries":
            features["source"] = tfds.features.ClassLabel(names=SOURCES)
        return features

    def _split_generators(self, dl_manager):
        folder, verify = self._folder(dl_manager), self.builder_config.verify_checksums
        if self.builder_config.table == _LABELLED:
            return {part: _labelled(folder, part, verify) for part in PARTS}
        if self.builder_config.table == "queries":
            self._sources = read_esci_sources(folder, verify_checksums=verify)
        return super()._split_generators(dl_manager)


def _labelled(folder: Path, part: str, verify_checksums: bool):
    rows = read_queryner(folder / _LABELLED, folder, part, verify_checksums=verify_checksums)
    for place, row in enumerate(rows):
        yield place, {"query_id": row.query_id, "text": row.text, "words": list(row.words),
                      "labels": list(row.labels)}


@functools.lru_cache(maxsize=1)
def _shop(folder: Path, locale: str, version: str, verify_checksums: bool) -> Shop:
    """`tfds build` without a configuration builds all tables of a shop in a row."""
    return read_esci(folder, locale=locale, version=version, verify_checksums=verify_checksums)
