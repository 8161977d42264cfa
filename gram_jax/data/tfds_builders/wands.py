"""WANDS.

    tfds build gram_jax/data/tfds_builders/wands.py --manual_dir=FOLDER
"""

from pathlib import Path

from gram_jax.catalog.datasets.wands import WANDS, read_wands
from gram_jax.catalog.shop import Shop
from gram_jax.data.tfds_builders.shop_builder import ShopBuilder


class Wands(ShopBuilder):
    """Products, queries, clicks and judgments of WANDS."""

    DATASET = WANDS
    MANUAL_DOWNLOAD_INSTRUCTIONS = WANDS.instructions

    def read(self, folder: Path) -> Shop:
        """The shop, split by default settings."""
        return read_wands(folder, verify_checksums=self.builder_config.verify_checksums)
