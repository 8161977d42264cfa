"""Unites the answers of two methods, by how much each has to say, learned on held-out queries.

Knows runs and grades; nothing of how methods work.
"""

import dataclasses
from collections.abc import Mapping, Sequence

from gram_jax.core.runs import Qrels, RankedList, Run
from gram_jax.evaluation.metrics import MEASURES, mean_figures, query_figures

WEIGHTS = tuple(step / 20 for step in range(21))


@dataclasses.dataclass(frozen=True)
class FusionTuning:
    """The best weight of the first method, and the figures of every weight tried."""

    weight: float
    figures: Mapping[float, Mapping[str, float]]


def fuse(first: Run, second: Run, *, weight: float, k: int, name: str | None = None) -> Run:
    """The products of either run by a convex combination of their scores.

    A query's scores are taken to 0 .. 1 within each run first, from its last product to its first;
    a product that a run does not have counts 0 there. The form that Bruch, Gai and Ingber (ACM
    TOIS 2023) find better than reciprocal ranks wherever a few queries can be had to tune it on.

    Args:
      first: gives the codes of products, where it has any.
      second: answers the same queries.
      weight: of the first run's scores, 0 to 1; the second's have the rest.
      k: products a query.
      name: of the united run.

    Raises:
      ValueError: the runs answer different queries.

    Examples:
      >>> first = Run("GRAM", (RankedList("q1", ("p1", "p2"), (2.0, 1.0)),))
      >>> second = Run("BM25", (RankedList("q1", ("p3", "p2"), (9.0, 1.0)),))
      >>> fuse(first, second, weight=0.6, k=3).ranked_lists[0].product_ids
      ('p1', 'p3', 'p2')
    """
    others = {ranked.query_id: ranked for ranked in second.ranked_lists}
    if {ranked.query_id for ranked in first.ranked_lists} != others.keys():
        raise ValueError(f"{first.name} and {second.name} answer different queries")
    return Run(name or f"{first.name}+{second.name}", tuple(
        _fuse(ranked, others[ranked.query_id], weight, k) for ranked in first.ranked_lists))


def _fuse(first: RankedList, second: RankedList, weight: float, k: int) -> RankedList:
    scores: dict[str, float] = {}
    for ranked, share in ((first, weight), (second, 1 - weight)):
        for product_id, score in zip(ranked.product_ids, _unit_scores(ranked.scores)):
            scores[product_id] = scores.get(product_id, 0.0) + share * score
    best = sorted(scores, key=scores.__getitem__, reverse=True)[:k]  # stable: ties as they came
    codes = dict(zip(first.product_ids, first.codes))
    return RankedList(first.query_id, tuple(best), tuple(scores[name] for name in best),
                      tuple(codes.get(name, "") for name in best) if codes else ())


def _unit_scores(scores: Sequence[float]) -> list[float]:
    """From 0 for the last to 1 for the first; all 1 where they are the same."""
    if not scores:
        return []
    span = scores[0] - scores[-1]
    return [(score - scores[-1]) / span if span > 0 else 1.0 for score in scores]


def tune_fusion(first: Run, second: Run, qrels: Qrels, *, k: int,
                weights: Sequence[float] = WEIGHTS) -> FusionTuning:
    """Chooses the weight on held-out queries: the best mean of recall at 10, 100 and 300 and ndcg.

    Args:
      first: answers to the held-out queries.
      second: of the other method.
      qrels: their grades.
      k: products a query.
      weights: those to try.
    """
    measures = {name: MEASURES[name]
                for name in ("recall@10", "recall@100", "recall@300", "ndcg@10")}
    figures = {weight: mean_figures(query_figures(
        fuse(first, second, weight=weight, k=k), qrels, measures)) for weight in weights}
    best = max(weights, key=lambda weight: sum(figures[weight].values()))
    return FusionTuning(best, figures)
