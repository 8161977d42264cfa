"""evaluate: GRAM and tuned BM25 on the test queries, side by side and united."""

import dataclasses
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence

import gin

from gram_jax.baselines.bm25 import BM25Retriever, tune_bm25
from gram_jax.catalog.shop import Shop, read_shop
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import InputError
from gram_jax.core.records import Query
from gram_jax.core.runs import Qrels, Run
from gram_jax.evaluation.evaluate import method_result, timed_run
from gram_jax.evaluation.fusion import fuse, tune_fusion
from gram_jax.evaluation.metrics import evaluated_queries, measures_with
from gram_jax.evaluation.report import report_json, report_markdown
from gram_jax.evaluation.trec import write_qrels, write_run, write_run_codes
from gram_jax.pipeline.stage import Progress, StageContext
from gram_jax.pipeline.stages.index import HEADS
from gram_jax.retrieval.generative import GenerativeRetriever
from gram_jax.retrieval.scoring_files import load_scoring
from gram_jax.retrieval.validity import invalid_code_share
from gram_jax.serving.snapshot import Snapshot, load_snapshot


@gin.configurable
def evaluate(context: StageContext, *, num_results: int = 300,
             measures: Mapping[str, str] | None = None,
             heads: Sequence[str] = ()) -> Mapping[str, object]:
    """Runs both methods on every judged test query and writes runs, qrels and report.

    BM25's k1 and b are tuned on the tune queries, as GRAM's scoring head is, and how much each
    counts where they are united. A shop without test queries has an empty report.

    Args:
      context: where to read and write.
      num_results: products a query.
      measures: further measures of the report, such as a data set's official gains: name -> how
        ir_measures writes it.
      heads: further scoring heads to report GRAM with, files in the folder `heads` of the index
        without their ending, such as 'learned_code'.

    Raises:
      InputError: no test query has a relevant product.
      ArtifactError: a head is not there.
      ConfigError: ir_measures does not know a measure.
    """
    measures = measures_with(measures or {})
    shop = read_shop(context.inputs["prepare"] / "shop")
    if not shop.queries_of("test"):
        context.say("the shop has no test queries: nothing to compare")
        with atomic_file(context.folder / "report.json") as stream:
            json.dump(report_json([], measures=measures)
                      | {"queries": 0, "products": len(shop.products)}, stream, indent=2)
        return {"queries": 0}
    snapshot = load_snapshot(context.inputs["index"])
    queries, qrels = _judged(shop, "test")
    if not queries:
        raise InputError("no test query has a product of grade 2 or more",
                         remedy="give judgments, or more clicks to hold some queries out of")

    bm25 = tune_bm25(shop.products, shop.queries_of("tune"), shop.qrels("tune"),
                     progress=context.progress).retriever
    bm25_run, bm25_ms = timed_run(bm25, queries, k=num_results, progress=context.progress)
    results = [method_result(bm25_run, qrels, ms_per_query=bm25_ms, measures=measures)]
    snapshot.retriever.warm("batch", k=num_results)
    invalid_codes = invalid_code_share(
        snapshot.retriever.beams(queries), snapshot.index.code_table, snapshot.vocabulary)
    gram_runs = []
    for gram in itertools.chain([snapshot.retriever], _with_heads(snapshot, context, heads)):
        gram.warm("batch", k=num_results)
        run, milliseconds = timed_run(gram, queries, k=num_results, progress=context.progress)
        results.append(method_result(run, qrels, ms_per_query=milliseconds, baseline=bm25_run,
                                     measures=measures, invalid_code_share=invalid_codes))
        gram_runs.append(run)
    united = _united(shop, snapshot, bm25, gram_runs[0], bm25_run, context.progress,
                     k=num_results)
    if united is not None:
        results.append(method_result(united.run, qrels, baseline=bm25_run, measures=measures))
        gram_runs.append(united.run)

    write_qrels(context.folder / "qrels.test.txt", qrels)
    for run in (bm25_run, *gram_runs):
        write_run(context.folder / "runs" / f"{run.name}.test.txt", run)
    for run in gram_runs:
        write_run_codes(context.folder / "runs" / f"{run.name}.test.codes.tsv", run)
    report = report_json(results, measures=measures) | {
        "queries": len(queries), "products": len(shop.products),
        "bm25": {"k1": bm25.k1, "b": bm25.b},
        "united": None if united is None else {"weight_of_gram": united.weight}}
    with atomic_file(context.folder / "report.json") as stream:
        json.dump(report, stream, indent=2)
    with atomic_file(context.folder / "report.md") as stream:
        stream.write(report_markdown(results))
    return {"queries": len(queries), "bm25": report["bm25"],
            **{result.name: result.figures for result in results}}


def _judged(shop: Shop, split: str) -> tuple[list[Query], Qrels]:
    """The queries of a split that have a relevant product, and all its grades."""
    qrels = shop.qrels(split)
    judged = set(evaluated_queries(qrels))
    return [query for query in shop.queries_of(split) if query.query_id in judged], qrels


@dataclasses.dataclass(frozen=True)
class _United:
    """GRAM and BM25 united, with the weight of GRAM."""

    run: Run
    weight: float


def _united(shop: Shop, snapshot: Snapshot, bm25: BM25Retriever, gram_run: Run, bm25_run: Run,
            progress: Progress, *, k: int) -> _United | None:
    """Both runs by the weight that is best on the tune queries; None where there are none."""
    queries, qrels = _judged(shop, "tune")
    if not queries:
        return None
    tune_runs = [Run(method.name, tuple(progress(
        method.retrieve(queries, k=k), f"{method.name}, tune queries", len(queries))))
        for method in (snapshot.retriever, bm25)]
    weight = tune_fusion(*tune_runs, qrels, k=k).weight
    return _United(fuse(gram_run, bm25_run, weight=weight, k=k), weight)


def _with_heads(snapshot: Snapshot, context: StageContext,
                heads: Sequence[str]) -> Iterator[GenerativeRetriever]:
    """GRAM with each head in turn; its codes are the same."""
    folder = context.inputs["index"] / HEADS
    for head in heads:
        retriever = dataclasses.replace(snapshot, scoring=load_scoring(folder / head)).retriever
        retriever.name = f"{retriever.name}-{head}"
        yield retriever
