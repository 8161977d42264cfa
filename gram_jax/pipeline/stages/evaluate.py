"""evaluate: GRAM and tuned BM25 on the test queries, side by side."""

import json
from collections.abc import Mapping

import gin

from gram_jax.baselines.bm25 import tune_bm25
from gram_jax.catalog.shop import read_shop
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import InputError
from gram_jax.evaluation.evaluate import method_result, timed_run
from gram_jax.evaluation.metrics import evaluated_queries, measures_with
from gram_jax.evaluation.report import report_json, report_markdown
from gram_jax.evaluation.trec import write_qrels, write_run, write_run_codes
from gram_jax.pipeline.stage import StageContext
from gram_jax.retrieval.validity import invalid_code_share
from gram_jax.serving.snapshot import load_snapshot


@gin.configurable
def evaluate(context: StageContext, *, num_results: int = 300,
             measures: Mapping[str, str] | None = None) -> Mapping[str, object]:
    """Runs both methods on every judged test query and writes runs, qrels and report.

    BM25's k1 and b are tuned on the tune queries, as GRAM's scoring head is. A shop without test
    queries has an empty report.

    Args:
      context: where to read and write.
      num_results: products a query.
      measures: further measures of the report, such as a data set's official gains: name -> how
        ir_measures writes it.

    Raises:
      InputError: no test query has a relevant product.
      ConfigError: ir_measures does not know a measure.
    """
    measures = measures_with(measures or {})
    shop = read_shop(context.workdir.require("prepare") / "shop")
    if not shop.queries_of("test"):
        context.say("the shop has no test queries: nothing to compare")
        with atomic_file(context.folder / "report.json") as stream:
            json.dump(report_json([], measures=measures)
                      | {"queries": 0, "products": len(shop.products)}, stream, indent=2)
        return {"queries": 0}
    snapshot = load_snapshot(context.workdir.require("index"))
    qrels = shop.qrels("test")
    judged = set(evaluated_queries(qrels))
    queries = [query for query in shop.queries_of("test") if query.query_id in judged]
    if not queries:
        raise InputError("no test query has a product of grade 2 or more",
                         remedy="give judgments, or more clicks to hold some queries out of")

    bm25 = tune_bm25(shop.products, shop.queries_of("tune"), shop.qrels("tune"),
                     progress=context.progress).retriever
    gram = snapshot.retriever
    gram.warm("batch", k=num_results)
    bm25_run, bm25_ms = timed_run(bm25, queries, k=num_results, progress=context.progress)
    gram_run, gram_ms = timed_run(gram, queries, k=num_results, progress=context.progress)
    results = [
        method_result(bm25_run, qrels, ms_per_query=bm25_ms, measures=measures),
        method_result(gram_run, qrels, ms_per_query=gram_ms, baseline=bm25_run,
                      measures=measures, invalid_code_share=invalid_code_share(
                          gram.beams(queries), snapshot.index.code_table, snapshot.vocabulary)),
    ]

    write_qrels(context.folder / "qrels.test.txt", qrels)
    for run in (bm25_run, gram_run):
        write_run(context.folder / "runs" / f"{run.name}.test.txt", run)
    write_run_codes(context.folder / "runs" / f"{gram_run.name}.test.codes.tsv", gram_run)
    report = report_json(results, measures=measures) | {
        "queries": len(queries), "products": len(shop.products),
        "bm25": {"k1": bm25.k1, "b": bm25.b}}
    with atomic_file(context.folder / "report.json") as stream:
        json.dump(report, stream, indent=2)
    with atomic_file(context.folder / "report.md") as stream:
        stream.write(report_markdown(results))
    return {"queries": len(queries), "bm25": report["bm25"],
            **{result.name: result.figures for result in results}}
