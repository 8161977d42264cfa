"""How well relevance is told: areas under the ROC curve of the model and of plain word matching.

Two tests. *Clicks*: products clicked for held-out queries against their mined negatives. *Grades*:
where people graded products, those of grade 2 or more against the others; the harder one, as all of
them were found by some search.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from gram_jax.alignment.negatives import KINDS, Negatives
from gram_jax.baselines.bm25 import BM25Retriever
from gram_jax.baselines.word_overlap import WordOverlap
from gram_jax.catalog.shop import Shop
from gram_jax.core.protocols import RelevanceModel
from gram_jax.core.records import RELEVANT_GRADE
from gram_jax.evaluation.auc import area_under_roc, mean_area_by_group


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledPairs:
    """Pairs of a query and a product, and whether they belong together.

    `queries` and `products` (int [pairs]) count the shop's; `is_good` is bool [pairs]; `kinds`
    (int8 [pairs]) says where a bad one comes from, -1 for good ones and where there are no kinds.
    """

    queries: np.ndarray
    products: np.ndarray
    is_good: np.ndarray
    kinds: np.ndarray

    @classmethod
    def of_clicks(cls, query_of_row: np.ndarray, rows: np.ndarray, products: np.ndarray,
                  negatives: Negatives, *, seed: int) -> "LabelledPairs":
        """Clicks and as many negatives as in training; `query_of_row`: the query of each row."""
        drawn = negatives.draw(np.random.default_rng(seed), rows, products)
        count = drawn.shape[1]
        return cls(np.concatenate([query_of_row[rows], np.repeat(query_of_row[rows], count)]),
                   np.concatenate([products, drawn.ravel()]),
                   np.arange(len(rows) * (count + 1)) < len(rows),
                   np.concatenate([np.full(len(rows), -1, np.int8),
                                   np.tile(negatives.settings.kinds, len(rows))]))

    @classmethod
    def of_grades(cls, shop: Shop, split: str) -> "LabelledPairs":
        """The judged pairs of a split."""
        query_of, product_of = ({key: place for place, key in enumerate(ids)}
                                for ids in (shop.query_ids, shop.product_ids))
        rows = [(query_of[query_id], product_of[product_id], grade)
                for query_id, grades in shop.qrels(split).items()
                for product_id, grade in grades.items()]
        queries, products, grades = np.array(rows, np.int64).reshape(-1, 3).T
        return cls(queries, products, grades >= RELEVANT_GRADE, np.full(len(rows), -1, np.int8))

    @property
    def tells(self) -> bool:
        """Whether both good and bad ones are there."""
        return bool(self.is_good.any() and not self.is_good.all())


class PairScores:
    """What each way to tell relevance says of pairs.

    Args:
      relevance: the model.
      bm25: over the shop's products.
      query_texts: of the shop.
      product_texts: of the shop, as the model reads them.
    """

    def __init__(self, relevance: RelevanceModel, bm25: BM25Retriever, query_texts: Sequence[str],
                 product_texts: Sequence[str]):
        self._bm25, self._queries, self._products = bm25, query_texts, product_texts
        self._by_texts = {"relevance model": relevance, "word overlap": WordOverlap()}

    def of(self, pairs: LabelledPairs) -> dict[str, np.ndarray]:
        """name -> float [pairs]."""
        texts = [(self._queries[query], self._products[product])
                 for query, product in zip(pairs.queries.tolist(), pairs.products.tolist())]
        return {name: model.score(texts) for name, model in self._by_texts.items()} | {
            "BM25": self._bm25_scores(pairs)}

    def _bm25_scores(self, pairs: LabelledPairs) -> np.ndarray:
        scores = np.zeros(len(pairs.queries), np.float32)
        order = np.argsort(pairs.queries, kind="stable")
        bounds = np.flatnonzero(np.diff(pairs.queries[order])) + 1
        for part in np.split(order, bounds):
            if len(part):
                text = self._queries[pairs.queries[part[0]]]
                scores[part] = self._bm25.scores(text)[pairs.products[part]]
        return scores


def areas(pairs: LabelledPairs, scores: Mapping[str, np.ndarray]) -> dict[str, object]:
    """The areas of every way to tell, over all pairs, query by query, and by kind of bad pair."""
    found: dict[str, object] = {"pairs": len(pairs.queries), "good": int(pairs.is_good.sum())}
    for name, values in scores.items():
        figures = {"auc": area_under_roc(values, pairs.is_good),
                   "mean auc of a query": mean_area_by_group(values, pairs.is_good,
                                                             pairs.queries)}
        for kind, kind_name in enumerate(KINDS):
            chosen = pairs.is_good | (pairs.kinds == kind)
            if (pairs.kinds == kind).any():
                figures[f"auc, {kind_name}"] = area_under_roc(values[chosen],
                                                              pairs.is_good[chosen])
        found[name] = {key: round(value, 4) for key, value in figures.items()
                       if value is not None}
    return found
