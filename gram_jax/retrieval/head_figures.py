"""Ways to score products beside each other: what each is and how it did on held-out queries."""

import dataclasses
from collections.abc import Iterable, Mapping

from gram_jax.core.runs import Qrels, RankedList, Run
from gram_jax.evaluation.metrics import MEASURES, mean_figures, query_figures
from gram_jax.retrieval.scoring import ScoringHead

_MEASURED = ("recall@300", "recall@100", "recall@10", "ndcg@10")


@dataclasses.dataclass(frozen=True)
class HeadFigures:
    """A way to score products and how it did on the held-out queries.

    Attributes:
      name: says all that tells it from the other ways.
      family: of the ways among which one choice is made: the head's name, for the learned head
        with the groups of features that it reads.
      scoring: the way.
      figures: by measure.
      settings: how it was fitted, for the record.
    """

    name: str
    family: str
    scoring: ScoringHead
    figures: Mapping[str, float]
    settings: Mapping[str, object] = dataclasses.field(default_factory=dict)


def head_figures(ranked: Iterable[RankedList], qrels: Qrels) -> dict[str, float]:
    """The mean figures of a way's answers to the held-out queries."""
    measures = {name: MEASURES[name] for name in _MEASURED}
    return mean_figures(query_figures(Run("head", tuple(ranked)), qrels, measures))


def mean_of_figures(figures: Mapping[str, float]) -> float:
    """One number for a way: recall@10, @100, @300 and ndcg@10 count alike."""
    return sum(figures[name] for name in _MEASURED) / len(_MEASURED)


def merit(tried: HeadFigures) -> tuple[float, ...]:
    """What a choice goes by: the highest recall@300, then recall@100, then ndcg@10; recalls that
    agree to three decimals count as equal.
    """
    figures = tried.figures
    return round(figures["recall@300"], 3), round(figures["recall@100"], 3), figures["ndcg@10"]
