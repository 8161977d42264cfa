"""Any shop in this project's own format: the folder `shop` that `gram prepare` leaves.

    tfds build gram_jax/data/tfds_builders/own_shop.py --manual_dir=WORKDIR/prepare/shop
"""

from pathlib import Path

from gram_jax.catalog.datasets.official_files import OfficialDataset
from gram_jax.catalog.shop import Shop, read_shop
from gram_jax.data.tfds_builders.shop_builder import ShopBuilder


class OwnShop(ShopBuilder):
    """Products, queries, clicks and judgments of a prepared shop."""

    DATASET = OfficialDataset(
        title="A shop of one's own", homepage="", licence="That of the shop", citation="",
        how_to_get="Run 'gram prepare --workdir=DIR --gin_file=gin/experiments/own_catalog.gin "
                   "--gin.PRODUCTS=FILE --gin.CLICKS=FILE'; the shop is in DIR/prepare/shop.",
        setting="--manual_dir", files=())
    MANUAL_DOWNLOAD_INSTRUCTIONS = DATASET.instructions

    def read(self, folder: Path) -> Shop:
        """The shop as it was prepared."""
        return read_shop(folder)
