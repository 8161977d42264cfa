"""Asks a retriever every query and measures what comes back. Never sees a model."""

import dataclasses
import time
from collections.abc import Mapping, Sequence

from gram_jax.core.protocols import Retriever
from gram_jax.core.records import Query
from gram_jax.core.runs import Qrels, Run
from gram_jax.evaluation.metrics import MEASURES, mean_figures, query_figures
from gram_jax.evaluation.significance import paired_randomisation


@dataclasses.dataclass(frozen=True)
class MethodResult:
    """One method's line in a report.

    `invalid_code_share` is None for a method without codes; `p_values` holds the two-sided
    p-value of each figure's difference to the baseline, and is empty for the baseline itself.
    """

    name: str
    figures: Mapping[str, float]
    distinct_products_per_query: float
    invalid_code_share: float | None
    ms_per_query: float | None
    p_values: Mapping[str, float] = dataclasses.field(default_factory=dict)


def timed_run(retriever: Retriever, queries: Sequence[Query], *, k: int,
              progress=lambda iterable, description, total: iterable) -> tuple[Run, float]:
    """Retrieves every query and times it.

    One and two queries are asked beforehand, so that what compiles or loads on the first call, for
    one query or for a batch, is not timed.

    Returns:
      The run, and the milliseconds a query took, batched as the retriever batches.
    """
    for count in (1, 2):
        list(retriever.retrieve(queries[:count], k=k))
    start = time.perf_counter()
    ranked_lists = tuple(progress(retriever.retrieve(queries, k=k), retriever.name, len(queries)))
    elapsed = time.perf_counter() - start
    return Run(retriever.name, ranked_lists), 1000 * elapsed / max(len(queries), 1)


def method_result(run: Run, qrels: Qrels, *, ms_per_query: float | None = None,
                  invalid_code_share: float | None = None, baseline: Run | None = None,
                  measures: Mapping[str, str] = MEASURES) -> MethodResult:
    """Measures a run, and against `baseline` where one is given."""
    figures = query_figures(run, qrels, measures)
    p_values = {}
    if baseline is not None:
        base = query_figures(baseline, qrels, measures)
        p_values = {name: paired_randomisation(figures[name], base[name]) for name in figures}
    return MethodResult(run.name, mean_figures(figures), distinct_products(run),
                        invalid_code_share, ms_per_query, p_values)


def distinct_products(run: Run) -> float:
    """The mean number of distinct products a query is answered with (a list holds no repeats)."""
    return sum(len(ranked.product_ids) for ranked in run.ranked_lists) / max(
        len(run.ranked_lists), 1)
