"""attributes: which attribute values every product and every train and tune query holds."""

from collections.abc import Mapping

import gin

from gram_jax.attributes import reading
from gram_jax.attributes.gazetteer_building import GazetteerSettings
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.catalog.shop import read_shop
from gram_jax.core.parallel import OpenMapShards, map_in_processes
from gram_jax.pipeline.stage import StageContext


@gin.configurable
def read_attributes(context: StageContext, *, schema_file: str | None = None,
                    gazetteer: GazetteerSettings = gin.REQUIRED,
                    map_shards: OpenMapShards = map_in_processes) -> Mapping[str, object]:
    """Learns what the catalogue's values are and reads them off every product and query.

    Args:
      context: where to read and write.
      schema_file: a JSON file with the attribute types; the 16 that ship when None.
      gazetteer: which values and words of the catalogue are looked for in texts.
      map_shards: where shards of a large catalogue are worked on: the processes of this machine,
        or `@map_on_beam`.
    """
    shop = read_shop(context.workdir.require("prepare") / "shop")
    schema = AttributeSchema.load(schema_file)
    train = shop.queries_of("train")
    with map_shards() as mapped:
        extractor = reading.learn_extractor(shop.products, train, schema=schema,
                                            settings=gazetteer, map_shards=mapped,
                                            progress=context.progress)
        found = reading.read_attributes(shop.products, (*train, *shop.queries_of("tune")),
                                        extractor, map_shards=mapped, progress=context.progress)
    schema.save(context.folder / "schema.json")
    extractor.gazetteer.save(context.folder / "gazetteer.json")
    found.save(context.folder)
    fields = {field for product in shop.products for field in product.attributes}
    return {"values": len(found.products.values),
            "values_in_gazetteer": len(extractor.gazetteer.attribute_of),
            "values_per_product": _mean(found.products), "values_per_query": _mean(found.queries),
            "fields_of_no_type": sorted(name for name in fields if not schema.type_of_field(name))}


def _mean(table) -> float:
    return round(len(table.held) / max(table.num_rows, 1), 2)
