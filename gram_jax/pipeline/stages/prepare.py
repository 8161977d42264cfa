"""prepare: reads a shop from wherever it comes, checks it, and keeps it in one form."""

from collections.abc import Callable, Mapping

import gin

from gram_jax.catalog.shop import Shop, write_shop
from gram_jax.evaluation.trec import write_qrels
from gram_jax.pipeline.stage import StageContext


@gin.configurable
def prepare(context: StageContext, *,
            read_shop: Callable[[], Shop] = gin.REQUIRED) -> Mapping[str, object]:
    """Writes the shop, and its judgments as TREC qrels too (qrels.tune.txt, qrels.test.txt).

    Args:
      context: where to write.
      read_shop: a source with its settings bound, such as `@simulate_shop`, `@read_own_shop` or
        `@read_esci`.
    """
    shop = read_shop()
    write_shop(shop, context.folder / "shop")
    for split in ("tune", "test"):
        if qrels := shop.qrels(split):
            write_qrels(context.folder / f"qrels.{split}.txt", qrels)
    return shop.counts()
