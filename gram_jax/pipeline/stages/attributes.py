"""attributes: which attribute values every product and every train and tune query holds."""

from collections.abc import Mapping

import gin

from gram_jax.attributes import reading
from gram_jax.attributes.families import Families
from gram_jax.attributes.gazetteer_building import GazetteerSettings
from gram_jax.attributes.learning import with_learned_synonyms
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.shards import TagsById
from gram_jax.attributes.spelling import SpellingSettings
from gram_jax.attributes.synonym_learning import SynonymSettings
from gram_jax.attributes.synonyms import Synonyms
from gram_jax.attributes.tagged_files import read_tagged
from gram_jax.catalog.shop import read_shop
from gram_jax.core.parallel import OpenMapShards, map_in_processes
from gram_jax.pipeline.stage import StageContext


@gin.configurable
def read_attributes(context: StageContext, *, schema_file: str | None = None,
                    gazetteer: GazetteerSettings = gin.REQUIRED,
                    spelling: SpellingSettings | None = None,
                    synonyms: SynonymSettings | None = None,
                    synonyms_file: str | None = None, families_file: str | None = None,
                    min_tag_probability: float = 0.5,
                    map_shards: OpenMapShards = map_in_processes) -> Mapping[str, object]:
    """Learns what the catalogue's values are and reads them off every product and query.

    Args:
      context: where to read and write.
      schema_file: a JSON file with the attribute types; the 16 that ship when None.
      gazetteer: which values and words of the catalogue are looked for in texts.
      spelling: when a word of a query is taken for another; the defaults when None.
      synonyms: which values clicks show to be the same; the defaults when None.
      synonyms_file: JSON lines of merges that people gave, edited or rejected, for instance an
        earlier `attributes/synonyms.jsonl`; they go before learned ones.
      families_file: JSON of families of values; those that ship when None.
      min_tag_probability: a span that the tagger is less sure of is not read as a value.
      map_shards: where shards of a large catalogue are worked on: the processes of this machine,
        or `@map_on_beam`.
    """
    shop = read_shop(context.workdir.require("prepare") / "shop")
    schema = AttributeSchema.load(schema_file)
    families = Families.load(families_file)
    reviewed = Synonyms.load(synonyms_file, types=schema.names) if synonyms_file else Synonyms()
    train = shop.queries_of("train")
    tagged = {name: _tags(context, name, min_tag_probability) for name in ("products", "queries")}
    with map_shards() as mapped:
        extractor = reading.learn_extractor(shop.products, train, schema=schema,
                                            settings=gazetteer, spelling=spelling,
                                            families=families, map_shards=mapped,
                                            progress=context.progress)
        extractor = with_learned_synonyms(
            extractor, shop.products, [query.text for query in train], shop.click_table("train"),
            settings=synonyms, reviewed=reviewed, tagged=tagged["products"], map_shards=mapped,
            progress=context.progress)
        found = reading.read_attributes(shop.products, (*train, *shop.queries_of("tune")),
                                        extractor, tagged_products=tagged["products"],
                                        tagged_queries=tagged["queries"], map_shards=mapped,
                                        progress=context.progress)
    extractor.save(context.folder)
    found.save(context.folder)
    fields = {field for product in shop.products for field in product.attributes}
    tags = {"min_tag_probability": min_tag_probability} if tagged["products"] is not None else {}
    return {**tags, "values": len(found.products.values),
            "values_in_gazetteer": len(extractor.gazetteer.attribute_of),
            "brand_variants": len(extractor.brands.variants),
            "synonyms": len(extractor.synonyms.representatives),
            "values_per_product": _mean(found.products), "values_per_query": _mean(found.queries),
            "fields_of_no_type": sorted(name for name in fields if not schema.type_of_field(name))}


def _tags(context: StageContext, name: str, min_probability: float) -> TagsById | None:
    """What the tagger found in the shop's titles or queries; None where none was trained."""
    if "tagger" not in context.inputs:
        return None
    return {row.text_id: row.tagged(min_probability)
            for row in read_tagged(context.inputs["tagger"] / f"tags.{name}.jsonl")}


def _mean(table) -> float:
    return round(len(table.held) / max(table.num_rows, 1), 2)
