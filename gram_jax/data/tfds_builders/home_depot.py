"""Home Depot from the prepared files.

    tfds build gram_jax/data/tfds_builders/home_depot.py --manual_dir=FOLDER
"""

from pathlib import Path

from gram_jax.catalog.datasets.home_depot import HOME_DEPOT, read_home_depot
from gram_jax.catalog.shop import Shop
from gram_jax.data.tfds_builders.shop_builder import ShopBuilder


class HomeDepot(ShopBuilder):
    """Products, queries, clicks and judgments of the prepared files."""

    DATASET = HOME_DEPOT
    MANUAL_DOWNLOAD_INSTRUCTIONS = HOME_DEPOT.instructions

    def read(self, folder: Path) -> Shop:
        """The shop, split by default settings."""
        return read_home_depot(folder)
