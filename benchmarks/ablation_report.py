"""What co-training, co-alignment and the scoring head are worth: a page from many workdirs.

    python benchmarks/ablation_report.py --folder=ablation/simulated --page=docs/results/ablation.md

`launch/ablation.sh` makes the workdirs, FOLDER/seed-N/ARM, and calls this. Figures of a query are
averaged over the seeds before arms are compared, so that queries are the sample and seeds are not
counted as more of them; the spread is the standard deviation of the means of the seeds.
"""

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import machine
import numpy as np

from gram_jax.alignment.text_relevance import TextRelevance
from gram_jax.catalog.shop import read_shop
from gram_jax.core.runs import Run
from gram_jax.evaluation.evaluate import distinct_products
from gram_jax.evaluation.metrics import query_figures
from gram_jax.evaluation.report import SIGNIFICANT
from gram_jax.evaluation.significance import paired_randomisation
from gram_jax.evaluation.trec import read_qrels, read_run

ARMS = {"full": "full", "without_cotraining": "without co-training",
        "without_coalignment": "without co-alignment", "without_both": "without both"}
MEASURES = ("recall@10", "recall@100", "recall@300", "ndcg@10", "relr")
PAPER = """
The paper's own, on 9.7M products and 20K queries (arXiv 2504.01403; recall in percent, RelR by its
relevance model over all that is retrieved):

| | recall@10 | recall@100 | recall@300 | RelR |
|---|--:|--:|--:|--:|
| GRAM | 2.85 | 12.54 | 21.13 | 40.18 |
| without co-training | 1.80 | 11.37 | 20.23 | 33.51 |
| without both | 1.57 | 7.64 | 12.89 | 33.36 |
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--page", required=True, type=Path)
    options = parser.parse_args()
    seeds = sorted(options.folder.glob("seed-*"))
    if not seeds:
        raise SystemExit(f"{options.folder} holds no seed-N: run launch/ablation.sh first")
    rows = {}
    for arm, name in ARMS.items():
        for run_file in sorted((seeds[0] / arm / "evaluate" / "runs").glob("GRAM*.test.txt")):
            head = run_file.name.removesuffix(".test.txt").removeprefix("GRAM").strip("-+")
            if head != "BM25":
                rows[f"{name}, {head or 'best head'}"] = [
                    _figures(seed / arm, run_file.name) for seed in seeds]
    options.page.write_text(_page(rows, seeds), encoding="utf-8")
    options.page.with_suffix(".json").write_text(json.dumps(
        {name: _summary(found) for name, found in rows.items()}, indent=1) + "\n", "utf-8")


def _figures(workdir: Path, run_name: str) -> dict[str, Mapping[str, float]]:
    """measure -> query -> figure."""
    folder = workdir / "evaluate"
    run = read_run(folder / "runs" / run_name)
    figures = dict(query_figures(run, read_qrels(folder / "qrels.test.txt")))
    figures["relr, by the model"] = _relevant_share(workdir, run, figures["recall@10"])
    figures["distinct products"] = dict.fromkeys(figures["recall@10"], distinct_products(run))
    return figures


def _relevant_share(workdir: Path, run: Run, judged: Mapping[str, float]) -> dict[str, float]:
    """The share of each query's products that the relevance model calls relevant."""
    relevance = TextRelevance.load(workdir / "relevance")
    shop = read_shop(workdir / "prepare" / "shop")
    text_of = {query.query_id: query.text for query in shop.queries}
    lists = [ranked for ranked in run.ranked_lists if ranked.query_id in judged]
    scores = relevance.score([(text_of[ranked.query_id], shop.product_by_id[product_id].title)
                              for ranked in lists for product_id in ranked.product_ids])
    ends = np.cumsum([len(ranked.product_ids) for ranked in lists])
    shares = dict.fromkeys(judged, 0.0)
    for ranked, found in zip(lists, np.split(scores >= relevance.cut, ends[:-1])):
        shares[ranked.query_id] = float(found.mean()) if len(found) else 0.0
    return shares


def _summary(found: Sequence[dict]) -> dict[str, list[float]]:
    """measure -> the mean of each seed."""
    return {name: [statistics.fmean(figures[name].values()) for figures in found]
            for name in found[0]}


def _page(rows: Mapping[str, Sequence[dict]], seeds: Sequence[Path]) -> str:
    names = [*MEASURES, "relr, by the model", "distinct products"]
    base = f"{ARMS['full']}, best head"
    lines = [f"| | {' | '.join(names)} |", f"|---|{'--:|' * len(names)}"]
    for row, found in rows.items():
        cells = []
        for name in names:
            means = _summary(found)[name]
            cell = f"{statistics.fmean(means):.4f}" if name != "distinct products" \
                else f"{statistics.fmean(means):.0f}"
            if len(means) > 1 and name != "distinct products":
                cell += f" ± {statistics.stdev(means):.4f}"
            if row != base and name != "distinct products":
                p_value = paired_randomisation(_over_seeds(found, name),
                                               _over_seeds(rows[base], name))
                cell += r" \*" if p_value < SIGNIFICANT else ""
            cells.append(cell)
        lines.append(f"| {row} | {' | '.join(cells)} |")
    pairs = [_effect(rows, "co-training, with co-alignment", "full", "without_cotraining"),
             _effect(rows, "co-training alone", "without_coalignment", "without_both"),
             _effect(rows, "co-alignment, with co-training", "full", "without_coalignment"),
             _effect(rows, "co-alignment alone", "without_cotraining", "without_both")]
    return "\n".join([
        "# What co-training, co-alignment and the scoring head are worth", "",
        f"Made by `launch/ablation.sh` from {len(seeds)} seeds "
        f"({', '.join(seed.name.removeprefix('seed-') for seed in seeds)}). {machine.one_line()}.",
        "", "Every arm has the same first training; without co-training the second one takes as "
        "many steps on the mined codes. Figures are means over test queries and seeds, ± the "
        rf"standard deviation of the seeds' means; \* differs from '{base}' with p < "
        f"{SIGNIFICANT} (paired randomisation over queries, seeds averaged).", "",
        *lines, "", "## Effects on recall@300, best head", "",
        "| what is added | difference | p |", "|---|--:|--:|", *pairs, PAPER])


def _effect(rows, name: str, with_arm: str, without_arm: str) -> str:
    some, others = (_over_seeds(rows[f"{ARMS[arm]}, best head"], "recall@300")
                    for arm in (with_arm, without_arm))
    difference = statistics.fmean(some.values()) - statistics.fmean(others.values())
    return f"| {name} | {difference:+.4f} | {paired_randomisation(some, others):.4f} |"


def _over_seeds(found: Sequence[dict], name: str) -> dict[str, float]:
    """query -> the mean of its figure over the seeds that have it."""
    queries = set.intersection(*(set(figures[name]) for figures in found))
    return {query: statistics.fmean(figures[name][query] for figures in found)
            for query in sorted(queries)}


if __name__ == "__main__":
    main()
