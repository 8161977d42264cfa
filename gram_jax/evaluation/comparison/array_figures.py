"""The figures of a run from arrays of grades: ir_measures' definitions, fast enough for many runs.

`metrics.query_figures` is the definition of every figure; this file computes the usual ones many
times as fast and asks ir_measures for any other. Knows no method and no text.
"""

from collections.abc import Callable, Mapping

import numpy as np

from gram_jax.core.records import RELEVANT_GRADE
from gram_jax.core.runs import RankedList, Run
from gram_jax.evaluation.comparison.answers import NO_PRODUCT, UNJUDGED, Answers, Judged
from gram_jax.evaluation.metrics import query_figures


def answer_figures(answers: Answers, found: np.ndarray, judged: Judged,
                   measures: Mapping[str, str]) -> np.ndarray:
    """Each measure of each evaluated query.

    Args:
      answers: of one method.
      found: their grades, `judged.grades_of(answers.products)`.
      judged: the queries and grades that they were read for.
      measures: our names -> ir_measures' names.

    Returns:
      float64 [measures, queries], as `metrics.query_figures` finds them.
    """
    import ir_measures  # its import installs a log handler: see `query_figures`

    figures = np.zeros((len(measures), len(judged.query_ids)))
    others = {}
    for place, (name, text) in enumerate(measures.items()):
        measure = ir_measures.parse_measure(text)
        kernel, known = _KERNELS.get(measure.NAME, (None, frozenset()))
        if kernel is None or not set(measure.params) <= known or (
                measure.NAME == "SetP" and not measure["judged_only"]):
            others[name] = place
        else:
            figures[place] = kernel(found, answers, judged, measure)
    if others:
        slow = query_figures(*_plain(answers, judged), {name: measures[name] for name in others})
        for name, place in others.items():
            figures[place] = [slow[name][query_id] for query_id in judged.query_ids]
    return figures


def recall_curve(found: np.ndarray, judged: Judged) -> np.ndarray:
    """The mean recall of the first k products: float64 [k] for k = 1, 2, ...

    Args:
      found: grades by rank, `judged.grades_of` of a method's products.
      judged: all grades.
    """
    rows, places = np.nonzero(found >= RELEVANT_GRADE)
    shares = 1 / _num_relevant(judged, RELEVANT_GRADE)
    return np.cumsum(np.bincount(places, shares[rows], minlength=found.shape[1])) / len(shares)


def _recall(found, answers, judged, measure):
    hits = (found[:, :measure["cutoff"]] >= measure["rel"]).sum(axis=1)
    return _ratio(hits, _num_relevant(judged, measure["rel"]))


def _reciprocal_rank(found, answers, judged, measure):
    hits = found[:, :_depth(measure, found)] >= measure["rel"]
    if not hits.shape[1]:
        return np.zeros(len(hits))
    return np.where(hits.any(axis=1), 1 / (1 + hits.argmax(axis=1)), 0.0)


def _ndcg(found, answers, judged, measure):
    gains = measure.params.get("gains", {})
    most = max(int(judged.grades.max(initial=0)), 0)
    # The last place is for what is not judged, whose number is -1.
    gain_of = np.array([gains.get(grade, grade) for grade in range(most + 1)] + [0], float)
    depth = _depth(measure, found)
    discounts = 1 / np.log2(np.arange(2, max(depth, len(judged.rows)) + 2))
    top = found[:, :depth]
    reached = gain_of[top] @ discounts[:top.shape[1]]
    gain = gain_of[judged.grades]
    order = np.lexsort((-gain, judged.rows))
    places = np.arange(len(order)) - np.searchsorted(judged.rows, judged.rows)
    limit = measure.params.get("cutoff", len(order))
    ideal = np.bincount(judged.rows, gain[order] * discounts[places] * (places < limit),
                        minlength=len(found))
    return _ratio(reached, ideal)


def _judged_precision(found, answers, judged, measure):
    return _ratio((found >= measure["rel"]).sum(axis=1), (found != UNJUDGED).sum(axis=1))


def _judged_share(found, answers, judged, measure):
    depth = _depth(measure, found)
    return _ratio((found[:, :depth] != UNJUDGED).sum(axis=1), np.minimum(answers.lengths, depth))


_KERNELS: Mapping[str, tuple[Callable, frozenset[str]]] = {
    "R": (_recall, frozenset({"rel", "cutoff"})),
    "RR": (_reciprocal_rank, frozenset({"rel", "cutoff"})),
    "nDCG": (_ndcg, frozenset({"gains", "cutoff"})),
    "SetP": (_judged_precision, frozenset({"rel", "judged_only"})),
    "Judged": (_judged_share, frozenset({"cutoff"})),
}
"""ir_measures' name -> how it is computed, and the parameters that this knows."""


def _depth(measure, found: np.ndarray) -> int:
    return measure.params.get("cutoff", found.shape[1])


def _num_relevant(judged: Judged, grade: int) -> np.ndarray:
    return np.bincount(judged.rows, judged.grades >= grade, minlength=len(judged.query_ids))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def _plain(answers: Answers, judged: Judged) -> tuple[Run, dict[str, dict[str, int]]]:
    """Run and grades as ir_measures wants them; numbers will do for product ids."""
    qrels: dict[str, dict[str, int]] = {query_id: {} for query_id in judged.query_ids}
    for row, product, grade in zip(judged.rows, judged.products, judged.grades.tolist()):
        qrels[judged.query_ids[row]][str(product)] = grade
    lists = []
    for query_id, products in zip(judged.query_ids, answers.products):
        kept = products[products != NO_PRODUCT]
        lists.append(RankedList(query_id, tuple(map(str, kept)),
                                tuple(-float(rank) for rank in range(len(kept)))))
    return Run(answers.name, tuple(lists)), qrels
