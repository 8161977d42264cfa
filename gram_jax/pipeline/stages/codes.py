"""codes: the codes that queries and products share, mined from values and clicks."""

from collections.abc import Mapping

import gin

from gram_jax.attributes.reading import ShopAttributes
from gram_jax.catalog.shop import read_shop
from gram_jax.codes import build
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.codes.selection import Select
from gram_jax.core.parallel import OpenMapShards, map_in_processes
from gram_jax.pipeline.stage import StageContext


@gin.configurable
def build_codes(context: StageContext, *,
                mining: MiningSettings = gin.REQUIRED,
                select: Select = gin.REQUIRED,
                map_shards: OpenMapShards = map_in_processes) -> Mapping[str, object]:
    """Mines the codes and writes them with their postings, training examples and quality report.

    Args:
      context: where to read and write.
      mining: floors, ceilings and numbers of codes.
      select: how codes are chosen: `@select_by_votes`, `@select_by_queries`,
        `@select_single_values` or `@select_all`.
      map_shards: where shards of a large catalogue are worked on: the processes of this machine,
        or `@map_on_beam`.
    """
    shop = read_shop(context.workdir.require("prepare") / "shop")
    attributes = ShopAttributes.load(context.inputs["attributes"])
    with map_shards() as mapped:
        artifacts = build.build_codes(shop, attributes, settings=mining, select=select,
                                      map_shards=mapped, say=context.say)
    artifacts.save(context.folder, shop.products)
    return artifacts.quality
