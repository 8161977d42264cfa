"""Orders candidates: a score for each code that found a product, one for the product, the top k.

Knows evidence and scoring heads (method section 4); nothing of models or of how weights were
fitted.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import jax
import numpy as np

from gram_jax.core.runs import RankedList
from gram_jax.models.code_score import HEADS, CodeEvidence, CodeScoreParams, code_score
from gram_jax.models.learned_score import LEARNED, LearnedScoreParams
from gram_jax.retrieval.candidates import Candidates
from gram_jax.retrieval.index import RetrievalIndex
from gram_jax.retrieval.ordering import best_first
from gram_jax.retrieval.query_beams import QueryBeams

REDUCES = ("best", "sum")
"""How the scores of several codes become a product's: the best of them, or all together."""

_SMALLEST_PROGRAM = 1024


@dataclasses.dataclass(frozen=True)
class ScoringHead:
    """How a product is scored.

    Args:
      head: a name in `models.code_score.HEADS`, or 'learned'.
      reduce: a name in `REDUCES`; None for the learned head, which sees all codes at once.
      params: weights and biases of the granularities, or what the learned head has learned.

    Raises:
      ValueError: a name is unknown, or the parts do not fit each other.
    """

    head: str = "log_prob_sum"
    reduce: str | None = "best"
    params: CodeScoreParams | LearnedScoreParams = dataclasses.field(
        default_factory=CodeScoreParams.initial)

    def __post_init__(self):
        is_learned = self.head == LEARNED
        known_reduces = (None,) if is_learned else REDUCES
        for name, known in ((self.head, (*HEADS, LEARNED)), (self.reduce, known_reduces)):
            if name not in known:
                raise ValueError(f"{name!r} is not one of {', '.join(map(str, known))}")
        if isinstance(self.params, LearnedScoreParams) != is_learned:
            raise ValueError(f"{type(self.params).__name__} are not those of {self.head!r}")


def candidate_scores(head: str, params: CodeScoreParams, evidence: CodeEvidence) -> np.ndarray:
    """S(q, t | c) of every candidate, float32 [candidates].

    Computed on the device at sizes that are powers of two, so that few programs compile.
    """
    num_candidates = len(evidence.granularity)
    size = max(_SMALLEST_PROGRAM, 1 << (num_candidates - 1).bit_length())

    def padded(array: np.ndarray) -> np.ndarray:
        rows = np.zeros((size, *array.shape[1:]), array.dtype)
        rows[:num_candidates] = array
        return rows

    return np.asarray(_scores(head, params, jax.tree.map(padded, evidence)))[:num_candidates]


@functools.partial(jax.jit, static_argnames="head")
def _scores(head: str, params: CodeScoreParams, evidence: CodeEvidence) -> jax.Array:
    return code_score(head, params, evidence.query_token_log_probs,
                      evidence.product_token_log_probs, evidence.mask, evidence.granularity)


def best_candidates(candidates: Candidates, scores: np.ndarray) -> np.ndarray:
    """The best candidate of each group, the better beam in a tie: int64 [groups]."""
    groups = np.repeat(np.arange(len(candidates.group_starts)), candidates.group_sizes)
    best = np.maximum.reduceat(scores, candidates.group_starts)
    winners = np.flatnonzero(scores == best[groups])
    _, first = np.unique(groups[winners], return_index=True)
    return winners[first]


def product_scores(candidates: Candidates, scores: np.ndarray, scoring: ScoringHead) -> np.ndarray:
    """One score for each group, float32 [groups].

    'best' takes the highest. 'sum' of 'log_prob_sum' adds probabilities, that is takes the
    logarithm of sum_c P(c|q) P(c|t); of 'jensen_shannon', whose scores are no logarithms, it adds
    the scores.
    """
    return _FOLDS[scoring.reduce, scoring.head](candidates, scores)


def _best(candidates: Candidates, scores: np.ndarray) -> np.ndarray:
    return np.maximum.reduceat(scores, candidates.group_starts)


def _sum(candidates: Candidates, scores: np.ndarray) -> np.ndarray:
    return np.add.reduceat(scores, candidates.group_starts)


def _log_sum_exp(candidates: Candidates, scores: np.ndarray) -> np.ndarray:
    best = _best(candidates, scores)
    shifted = np.exp(scores - np.repeat(best, candidates.group_sizes))
    return best + np.log(np.add.reduceat(shifted, candidates.group_starts))


_FOLDS: dict[tuple[str, str], Callable[[Candidates, np.ndarray], np.ndarray]] = {
    ("best", "jensen_shannon"): _best,
    ("best", "log_prob_sum"): _best,
    ("sum", "jensen_shannon"): _sum,
    ("sum", "log_prob_sum"): _log_sum_exp,
}


def rank_candidates(index: RetrievalIndex, beams: Sequence[QueryBeams], candidates: Candidates,
                    scoring: ScoringHead, *, k: int) -> list[RankedList]:
    """The best `k` products of each query with the code that speaks most for each.

    Args:
      index: what the candidates were gathered from.
      beams: what they were gathered for.
      candidates: of these beams.
      scoring: how products are scored, by a head that scores one code at a time.
      k: products a query; fewer where fewer were reached. Ties go to the product that comes first
        in the catalogue.
    """
    if not candidates.num_candidates:
        return [RankedList(found.query_id, (), ()) for found in beams]
    scores = candidate_scores(scoring.head, scoring.params, candidates.evidence)
    best_codes = candidates.code_ids[best_candidates(candidates, scores)]
    scores = product_scores(candidates, scores, scoring)
    product_ids, codes = index.code_table.product_ids, index.code_table.codes
    ranked = []
    for row, found in enumerate(beams):
        groups = candidates.groups_of(row)
        best = groups.start + best_first(scores[groups], k)
        ranked.append(RankedList(
            found.query_id,
            tuple(product_ids[i] for i in candidates.group_products[best].tolist()),
            tuple(scores[best].tolist()),
            tuple(codes[i].text for i in best_codes[best].tolist())))
    return ranked
