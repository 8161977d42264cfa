"""codes: attributes of queries and products, and the codes that clicks say they should share."""

from collections.abc import Mapping

import gin

from gram_jax.attributes.gazetteer_building import GazetteerSettings
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.catalog.shop import read_shop
from gram_jax.codes import build
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.pipeline.stage import StageContext


@gin.configurable
def build_codes(context: StageContext, *, schema_file: str | None = None,
                mining: MiningSettings = gin.REQUIRED,
                gazetteer: GazetteerSettings = gin.REQUIRED) -> Mapping[str, object]:
    """Mines the codes and writes them with their postings, training examples and quality report.

    Args:
      context: where to read and write.
      schema_file: a JSON file with the attribute types; the 16 that ship when None.
      mining: floors, ceilings and numbers of codes.
      gazetteer: which values and words of the catalogue are looked for in texts.
    """
    shop = read_shop(context.workdir.require("prepare") / "shop")
    artifacts = build.build_codes(shop, schema=AttributeSchema.load(schema_file), settings=mining,
                                  gazetteer_settings=gazetteer, progress=context.progress)
    artifacts.save(context.folder)
    return artifacts.quality
