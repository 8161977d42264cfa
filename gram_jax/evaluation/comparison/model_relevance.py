"""RelR: the share of retrieved products that a relevance model calls relevant.

The GRAM paper's RelR (Pang et al., WWW 2025 Companion, table 2). Knows scores by pair; not the
model that gave them.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from gram_jax.evaluation.comparison.answers import Answers, Judged, find_pairs, pair_keys


@dataclasses.dataclass(frozen=True, eq=False)
class ModelRelevance:
    """How relevant a model takes products to be for the evaluated queries.

    Args:
      keys: int64 [pairs], ascending; see `pair_keys`.
      relevant: bool [pairs], whether the model calls the product relevant.
      depth: of so many products a query the share is taken.
    """

    keys: np.ndarray
    relevant: np.ndarray
    depth: int

    @classmethod
    def of(cls, scores: Mapping[str, Mapping[str, float]], judged: Judged, *, depth: int = 300,
           threshold: float = 0.5) -> "ModelRelevance":
        """From query_id -> product_id -> score; relevant is a score of `threshold` or more."""
        pairs = [(row, judged.numbers[product_id], score)
                 for row, query_id in enumerate(judged.query_ids)
                 for product_id, score in scores.get(query_id, {}).items()]
        rows, products, found = np.array(pairs, np.float64).reshape(-1, 3).T
        keys = pair_keys(rows, products)
        order = np.argsort(keys)
        return cls(keys[order], found[order] >= threshold, depth)

    def share(self, answers: Answers, judged: Judged) -> np.ndarray:
        """The share of each query's products that is relevant, 0 where it has none: [queries].

        Raises:
          ValueError: a product within the depth has no score; the share of those that have one
            would flatter methods whose products nobody scored.
        """
        top = answers.products[:, :self.depth]
        rows, places = np.nonzero(top >= 0)
        at = find_pairs(self.keys, pair_keys(rows, top[rows, places]))
        if (at < 0).any():
            raise ValueError(
                f"{answers.name}: {(at < 0).sum():,} of {len(at):,} products have no relevance "
                f"score, first for query {judged.query_ids[rows[np.argmin(at)]]}; score every "
                f"method's first {self.depth} products")
        hits = np.bincount(rows, self.relevant[at], minlength=len(top))
        return hits / np.maximum(np.bincount(rows, minlength=len(top)), 1)
