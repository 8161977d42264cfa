"""pseudo_queries: queries that nobody typed, with codes, as further training examples."""

from collections.abc import Mapping

import gin

from gram_jax.attributes.reading import ShopAttributes
from gram_jax.catalog.shop import read_shop
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.examples import write_code_examples
from gram_jax.pipeline.pseudo_queries import PseudoQuerySettings, draw_texts, vote_for_codes
from gram_jax.pipeline.stage import StageContext
from gram_jax.pipeline.text_neighbors import FindNeighbors


@gin.configurable
def make_pseudo_queries(context: StageContext, *, settings: PseudoQuerySettings = gin.REQUIRED,
                        neighbors: FindNeighbors = gin.REQUIRED) -> Mapping[str, object]:
    """Draws texts from titles and attribute values, and writes them with the codes that they get.

    Args:
      context: where to read and write.
      settings: how many, from what, and how their codes are chosen.
      neighbors: finds the products that vote for a text's codes: `@bm25_neighbors`,
        `@sentence_neighbors`, or `@fused_neighbors` of both.
    """
    shop = read_shop(context.inputs["prepare"] / "shop")
    table = CodeTable.load(context.inputs["codes"] / "table")
    texts = draw_texts(shop, ShopAttributes.load(context.inputs["attributes"]).products, settings)
    context.say(f"finding the products nearest to {len(texts)} texts")
    found = neighbors(shop.products, texts, k=settings.num_neighbors)
    count = write_code_examples(context.folder / "pseudo_query_codes.train.jsonl",
                                vote_for_codes(table, texts, found, settings))
    return {"drawn": len(texts), "with_codes": count}
