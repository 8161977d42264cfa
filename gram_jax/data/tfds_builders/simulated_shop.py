"""The simulated shop; nothing has to be fetched.

    tfds build gram_jax/data/tfds_builders/simulated_shop.py
"""

import dataclasses
import functools
from pathlib import Path

from gram_jax.catalog.datasets.official_files import OfficialDataset
from gram_jax.catalog.shop import Shop
from gram_jax.catalog.simulator import simulate_shop
from gram_jax.data.tfds_builders.shop_builder import TABLES, ShopBuilder, ShopConfig


@dataclasses.dataclass
class SimulatedConfig(ShopConfig):
    """A table of a simulated shop; None takes the simulator's own number."""

    seed: int = 0
    num_products: int | None = None
    num_queries: int | None = None


class SimulatedShop(ShopBuilder):
    """Products, queries, clicks and judgments of the quickstart's shop."""

    BUILDER_CONFIGS = [SimulatedConfig(name=table, table=table) for table in TABLES]  # noqa: RUF012
    DATASET = OfficialDataset(
        title="The simulated shop of gram-jax", homepage="https://arxiv.org/abs/2504.01403",
        licence="Apache-2.0", citation="", how_to_get="It is simulated.", setting="", files=())

    def read(self, folder: Path) -> Shop:
        """The shop of the configuration's seed and sizes."""
        config = self.builder_config
        return _shop(config.seed, config.num_products, config.num_queries)

    def _folder(self, dl_manager) -> Path:
        return Path()


@functools.lru_cache(maxsize=1)
def _shop(seed: int, num_products: int | None, num_queries: int | None) -> Shop:
    """`tfds build` without a configuration builds all tables in a row."""
    sizes = {"num_products": num_products, "num_queries": num_queries}
    return simulate_shop(seed=seed, **{name: size for name, size in sizes.items() if size})
