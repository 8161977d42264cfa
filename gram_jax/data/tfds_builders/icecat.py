"""Icecat's products, and the queries that Chorus had rated.

    tfds build gram_jax/data/tfds_builders/icecat.py --manual_dir=FOLDER --config=products
"""

import dataclasses
from pathlib import Path

from gram_jax.catalog.datasets.icecat import EDITIONS, ICECAT, read_icecat
from gram_jax.catalog.shop import Shop
from gram_jax.data.tfds_builders.shop_builder import ShopBuilder, ShopConfig


@dataclasses.dataclass
class IcecatConfig(ShopConfig):
    """A table of one edition."""

    edition: str = "19k"


class Icecat(ShopBuilder):
    """`products_19k`, `products_150k`, and the rated `queries` and `judgments`; no clicks."""

    BUILDER_CONFIGS = [  # noqa: RUF012
        *(IcecatConfig(name=f"products_{edition}", edition=edition) for edition in EDITIONS),
        *(IcecatConfig(name=table, table=table) for table in ("queries", "judgments"))]
    DATASET = ICECAT
    MANUAL_DOWNLOAD_INSTRUCTIONS = ICECAT.instructions

    def read(self, folder: Path) -> Shop:
        """The edition's shop, with rated queries where they are asked for."""
        config = self.builder_config
        return read_icecat(folder, edition=config.edition,
                           rated_queries=config.table != "products",
                           verify_checksums=config.verify_checksums)
