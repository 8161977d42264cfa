"""What relevance is learned from and measured on: a shop's clicks, and what was not clicked."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from gram_jax.alignment.negatives import Clicked, Negatives, NegativeSettings, near_products
from gram_jax.baselines.bm25 import BM25Retriever
from gram_jax.catalog.shop import Shop
from gram_jax.catalog.splits import hash_share, query_key
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.examples import product_text
from gram_jax.core.clicks import ClickTable
from gram_jax.core.errors import ConfigError
from gram_jax.pipeline.relevance_report import LabelledPairs
from gram_jax.pipeline.stage import Progress

_SALT = "relevance"


@dataclasses.dataclass(frozen=True, eq=False)
class ClickData:
    """The clicks of a shop's train queries.

    Args:
      shop: where they are from.
      clicks: a row for each train query.
      query_texts: of the rows.
      product_texts: of the catalogue, as the product-code generator reads them.
      is_held_out: bool [clicks], those of queries that are not learned from.
      bm25: over the catalogue.
      negatives: what stands beside a clicked product.
    """

    shop: Shop
    clicks: ClickTable
    query_texts: Sequence[str]
    product_texts: Sequence[str]
    is_held_out: np.ndarray
    bm25: BM25Retriever
    negatives: Negatives

    @classmethod
    def of_shop(cls, shop: Shop, code_table: CodeTable, settings: NegativeSettings, *,
                held_out_share: float, progress: Progress) -> "ClickData":
        """Holds queries out by the hash of their texts, and looks for negatives.

        Args:
          shop: with clicks.
          code_table: says which products share a code.
          settings: how many negatives.
          held_out_share: of the train queries.
          progress: shown over the queries.

        Raises:
          ConfigError: no click is left to learn from, or none is held out.
        """
        clicks = shop.click_table("train")
        text_of = {query.query_id: query.text for query in shop.queries}
        texts = [text_of[query_id] for query_id in clicks.query_ids]
        is_held_out = np.array([hash_share(query_key(text), _SALT) < held_out_share
                                for text in texts], bool)[clicks.rows]
        if is_held_out.all() or not is_held_out.any():
            raise ConfigError(
                f"of {len(is_held_out)} clicks {is_held_out.sum()} are held out: relevance needs "
                "clicks to learn from and clicks to be measured on. Give more clicks, or leave "
                "gin/runs/relevance.gin and gin/runs/cotrain.gin out of the experiment")
        product_texts = [product_text(product) for product in shop.products]
        bm25 = BM25Retriever(shop.products)
        clicked = Clicked(clicks, texts, len(product_texts))
        near = near_products(bm25.scores, texts, clicked, depth=settings.near_depth,
                             progress=progress)
        return cls(shop, clicks, texts, product_texts, is_held_out, bm25,
                   Negatives(settings, clicked, near, code_table))

    @property
    def taught(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and products of the clicks to learn from."""
        return self.clicks.rows[~self.is_held_out], self.clicks.products[~self.is_held_out]

    def tests(self, *, seed: int) -> dict[str, LabelledPairs]:
        """Held-out clicks beside their negatives, and the grades of tune and test queries.

        Args:
          seed: of the draws of negatives.
        """
        place = {query_id: at for at, query_id in enumerate(self.shop.query_ids)}
        query_of_row = np.array([place[query_id] for query_id in self.clicks.query_ids])
        found = {"held-out clicks": LabelledPairs.of_clicks(
            query_of_row, self.clicks.rows[self.is_held_out],
            self.clicks.products[self.is_held_out], self.negatives, seed=seed)}
        for split in ("tune", "test"):
            pairs = LabelledPairs.of_grades(self.shop, split)
            if pairs.tells:
                found[f"{split} grades"] = pairs
        return found
