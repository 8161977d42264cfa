"""The figures of a run, computed by ir_measures. Knows nothing about models or shops.

Relevant is a grade of 2 or more (`core.records.RELEVANT_GRADE`). Queries without a relevant product
are left out of every figure; a query that the run does not answer counts 0.
"""

from collections.abc import Iterable, Mapping

from gram_jax.core.errors import ConfigError
from gram_jax.core.records import RELEVANT_GRADE
from gram_jax.core.runs import Qrels, RankedList, Run
from gram_jax.evaluation.trec import strictly_decreasing

MEASURES: Mapping[str, str] = {
    "recall@10": f"R(rel={RELEVANT_GRADE})@10",
    "recall@100": f"R(rel={RELEVANT_GRADE})@100",
    "recall@300": f"R(rel={RELEVANT_GRADE})@300",
    "ndcg@10": "nDCG(gains={3:7,2:3,1:1,0:0})@10",
    "mrr@10": f"RR(rel={RELEVANT_GRADE})@10",
    "relr": f"SetP(rel={RELEVANT_GRADE}, judged_only=True)",
}
"""Our name of each measure -> how ir_measures writes it, in the order of reports.

'relr' is the GRAM paper's RelR with people for its relevance model: of the retrieved products that
are judged, the share that is relevant; 0 where none is judged.
"""


def measures_with(further: Mapping[str, str]) -> dict[str, str]:
    """The measures of every report and further ones, such as a data set's own gains.

    Args:
      further: name -> how ir_measures writes it: {'ndcg@10 (ESCI)':
        'nDCG(gains={3:100,2:10,1:1,0:0})@10'}.

    Raises:
      ConfigError: ir_measures does not know a measure, or a name or measure is there already.
    """
    import ir_measures  # see `query_figures`

    measures = dict(MEASURES)
    parsed = {ir_measures.parse_measure(text): name for name, text in measures.items()}
    for name, text in further.items():
        try:
            measure = ir_measures.parse_measure(text)
            known_as = parsed.get(measure)  # what reads its parameters, and may not know one
        except (NameError, KeyError, ValueError, TypeError, AttributeError, SyntaxError) as error:
            raise ConfigError(f"measure {name!r}: ir_measures cannot read {text!r} ({error}); "
                              "write it as in 'nDCG(gains={3:100,2:10,1:1,0:0})@10'") from error
        if name in measures or known_as is not None:
            raise ConfigError(f"measure {name!r} ({text}) is in the report already"
                              + (f", as {known_as!r}" if known_as else ""))
        measures[name], parsed[measure] = text, name
    return measures


def evaluated_queries(qrels: Qrels) -> tuple[str, ...]:
    """The queries with at least one relevant product, in the order of `qrels`."""
    return tuple(query_id for query_id, grades in qrels.items()
                 if any(grade >= RELEVANT_GRADE for grade in grades.values()))


def query_figures(run: Run, qrels: Qrels,
                  measures: Mapping[str, str] = MEASURES) -> dict[str, dict[str, float]]:
    """Each measure of each evaluated query.

    Args:
      run: ranked lists; those of queries that are not evaluated are ignored.
      qrels: grades.
      measures: our names -> ir_measures' names.

    Returns:
      name -> query_id -> figure, both in the order given.

    Examples:
      >>> run = Run("GRAM", (RankedList("q1", ("p1", "p2"), (2.0, 1.0)),))
      >>> query_figures(run, {"q1": {"p2": 3, "p3": 2}}, {"recall@10": "R(rel=2)@10"})
      {'recall@10': {'q1': 0.5}}
    """
    # Importing ir_measures installs a log handler, which importing us must not.
    import ir_measures

    query_ids = evaluated_queries(qrels)
    figures = {name: dict.fromkeys(query_ids, 0.0) for name in measures}
    names = {ir_measures.parse_measure(text): name for name, text in measures.items()}
    answers = {ranked.query_id: _scores(ranked) for ranked in run.ranked_lists
               if ranked.product_ids}
    answers = {query_id: answers[query_id] for query_id in query_ids if query_id in answers}
    if not answers:
        return figures
    grades = {query_id: dict(qrels[query_id]) for query_id in answers}
    for together in _asked_together(names):
        for metric in ir_measures.iter_calc(together, grades, answers):
            figures[names[metric.measure]][metric.query_id] = float(metric.value)
    return figures


def _asked_together(measures: Iterable) -> list[list]:
    """The measures in groups that ir_measures gets right.

    Version 0.4.3 computes an nDCG without gains of its own by the gains of another nDCG where both
    are asked at once.
    """
    alone = [measure for measure in measures
             if measure.NAME == "nDCG" and "gains" not in measure.params]
    return [rest for rest in ([measure for measure in measures if measure not in alone],
                              *([measure] for measure in alone)) if rest]


def mean_figures(figures: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The mean over queries of each measure; 0 where no query is evaluated."""
    return {name: sum(values.values()) / max(len(values), 1) for name, values in figures.items()}


def _scores(ranked: RankedList) -> dict[str, float]:
    return dict(zip(ranked.product_ids, strictly_decreasing(ranked.scores).tolist()))
