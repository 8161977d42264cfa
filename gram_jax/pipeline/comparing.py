"""What `gram compare` compares: the runs of a workdir's stage 'evaluate', and files of other runs.

Reads what stages left: the shop, its attributes, runs and their costs. Decides nothing itself.
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from gram_jax.attributes.extract import AttributeExtractor
from gram_jax.catalog.shop import Shop, read_shop
from gram_jax.core.errors import InputError
from gram_jax.core.records import RELEVANT_GRADE
from gram_jax.core.runs import Qrels
from gram_jax.evaluation.comparison.answer_files import read_answers
from gram_jax.evaluation.comparison.answers import Judged
from gram_jax.evaluation.comparison.compare import Comparison, MethodCosts, compare_answers
from gram_jax.evaluation.comparison.disagreements import Shelf
from gram_jax.evaluation.comparison.model_relevance import ModelRelevance
from gram_jax.evaluation.comparison.slices import (
    SliceFamily,
    by_attributes,
    by_demand,
    by_length,
    by_shared_words,
    by_spelling,
    words_of_titles,
)
from gram_jax.evaluation.evaluate import MethodResult
from gram_jax.evaluation.report import results_of_json
from gram_jax.evaluation.trec import read_run
from gram_jax.pipeline.workdir import Workdir

_BASELINE = "BM25"


def compare_workdir(workdir: Workdir, run_paths: Sequence[Path] = (), *,
                    baseline: str | None = None,
                    costs_path: Path | None = None,
                    relevance_path: Path | None = None) -> tuple[Comparison, str]:
    """Compares on the test queries of a workdir's shop.

    Args:
      workdir: its stage 'prepare' is finished; runs and costs of 'evaluate' are read if that is,
        and values of queries if 'attributes' is (without the tagger's spans).
      run_paths: further TREC runs; `NAME.codes.tsv` beside `NAME.txt` is read with it.
      baseline: what others are held against; BM25 where None and there is one, else the first.
      costs_path: JSON of method -> fields of `MethodCosts`; goes before what 'evaluate' measured.
      relevance_path: TREC run of every product that any method lists, its scores what a relevance
        model gives them, for RelR.

    Returns:
      The comparison, and a line on the shop.

    Raises:
      InputError: there is no run, two have one name, no test query has a relevant product, or a
        file is wrong.
      ArtifactError: the workdir has no shop.
    """
    shop = read_shop(workdir.require("prepare") / "shop")
    paths, costs = list(run_paths), {}
    if workdir.manifest("evaluate") is not None:
        folder = workdir.folder("evaluate")
        paths = [*sorted((folder / "runs").glob("*.test.txt")), *paths]
        costs = _measured_costs(folder / "report.json")
    if not paths:
        raise InputError("there is no run to compare", path=workdir.path,
                         remedy="give --run FILE, or run the stage 'evaluate'")
    if costs_path is not None:
        costs |= _read_costs(costs_path)
    qrels = shop.qrels("test")
    try:
        judged = Judged.of(qrels)
        answers = [read_answers(path, judged, _codes_beside(path)) for path in paths]
        relevance = None if relevance_path is None else _read_relevance(relevance_path, judged)
        names = [found.name for found in answers]
        if baseline is None:
            baseline = _BASELINE if _BASELINE in names else names[0]
        titles = {product.product_id: product.title for product in shop.products}
        asked = {query.query_id: query.text for query in shop.queries_of("test")}
        comparison = compare_answers(
            answers, judged, baseline=baseline, relevance=relevance, shelf=Shelf(asked, titles),
            costs={name: cost for name, cost in costs.items() if name in names},
            slices=_families(workdir, shop, judged, qrels, asked, titles))
    except ValueError as error:
        raise InputError(str(error), path=workdir.path,
                         remedy="check the names of runs, the judgments and the scores") from error
    return comparison, f"{len(titles):,} products"


def _families(workdir: Workdir, shop: Shop, judged: Judged, qrels: Qrels,
              asked: Mapping[str, str], titles: Mapping[str, str]) -> list[SliceFamily]:
    query_ids = judged.query_ids
    texts = [asked[query_id] for query_id in query_ids]
    known = words_of_titles(titles.values()) | words_of_titles(
        {value for product in shop.products for values in product.attributes.values()
         for value in values})
    families = [
        by_demand(query_ids, _demand(shop, query_ids, qrels),
                  what="train clicks on their relevant products"),
        by_length(texts), by_spelling(texts, known)]
    if workdir.manifest("attributes") is not None:
        extractor = AttributeExtractor.load(workdir.folder("attributes"))
        families.append(by_attributes(query_ids, {
            query_id: {name for name, _ in extractor.of_text(text)}
            for query_id, text in zip(query_ids, texts)}))
    return [*families, by_shared_words(query_ids, texts, qrels, titles)]


def _demand(shop: Shop, query_ids: Sequence[str], qrels: Qrels) -> dict[str, float]:
    """query_id -> how often train shoppers chose its relevant products.

    A test query has no clicks of its own: it never shows what was chosen for it.
    """
    chosen: Counter[str] = Counter()
    for click in shop.clicks_of("train"):
        chosen[click.product_id] += click.weight
    return {query_id: sum(chosen[product_id] for product_id, grade in qrels[query_id].items()
                          if grade >= RELEVANT_GRADE) for query_id in query_ids}


def _measured_costs(path: Path) -> dict[str, MethodCosts]:
    results: list[MethodResult] = results_of_json(json.loads(path.read_text(encoding="utf-8")))
    return {result.name: MethodCosts(ms_per_query=result.ms_per_query,
                                     invalid_code_share=result.invalid_code_share)
            for result in results}


def _read_costs(path: Path) -> dict[str, MethodCosts]:
    fields = [field.name for field in dataclasses.fields(MethodCosts)]
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {name: MethodCosts(**row) for name, row in rows.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"cannot be read as costs ({error})", path=path,
                         remedy=f"write JSON of method -> {{{', '.join(fields)}}}") from error


def _read_relevance(path: Path, judged: Judged) -> ModelRelevance:
    return ModelRelevance.of({ranked.query_id: dict(zip(ranked.product_ids, ranked.scores))
                              for ranked in read_run(path).ranked_lists}, judged)


def _codes_beside(path: Path) -> Path | None:
    codes = path.with_name(path.name.removesuffix(".txt") + ".codes.tsv")
    return codes if codes.exists() else None
