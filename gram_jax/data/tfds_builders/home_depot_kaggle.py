"""Home Depot as Kaggle hands it out.

    tfds build gram_jax/data/tfds_builders/home_depot_kaggle.py --manual_dir=FOLDER
"""

from pathlib import Path

from gram_jax.catalog.datasets.home_depot_kaggle import (
    HOME_DEPOT_KAGGLE,
    read_home_depot_kaggle,
)
from gram_jax.catalog.shop import Shop
from gram_jax.data.tfds_builders.shop_builder import ShopBuilder


class HomeDepotKaggle(ShopBuilder):
    """Products, queries, clicks and judgments of train.csv."""

    DATASET = HOME_DEPOT_KAGGLE
    MANUAL_DOWNLOAD_INSTRUCTIONS = HOME_DEPOT_KAGGLE.instructions

    def read(self, folder: Path) -> Shop:
        """The shop, split by default settings."""
        return read_home_depot_kaggle(folder)
