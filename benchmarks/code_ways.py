"""Ways to choose codes, compared at several ceilings under one fixed chooser, with a plot.

    python benchmarks/code_ways.py --workdir=DIR --split=tune --run=minilm=minilm_tune.txt \\
        --output=FOLDER

Mines the codes of a workdir (stages prepare and attributes) by every way of codes/selection.py,
each code of at least 10 products, and prints the share of a query's relevant products under the
10 codes that a chooser picks, with the number of products under them: the way that is higher at
equal products is better. "No clicks" mines from pseudo-queries, as a shop without clicks does
(its synonyms and its gazetteer still saw train queries). With matplotlib (extra 'plots') FOLDER
gets a plot for each chooser.
"""

import argparse
import dataclasses
import itertools
import json
import time
from pathlib import Path

import numpy as np
from chooser_runs import Judged, chosen_by, reached

from gram_jax.attributes.reading import ShopAttributes
from gram_jax.baselines.bm25 import tune_bm25
from gram_jax.catalog.shop import Shop, read_shop
from gram_jax.codes.build import build_codes
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.codes.selection import (
    select_all,
    select_by_queries,
    select_by_votes,
    select_single_values,
)
from gram_jax.pipeline.workdir import Workdir

WAYS = {"products vote": (select_by_votes, {}),
        "products vote for more": (select_by_votes, {"votes": (10, 1, 1)}),
        "queries pick": (select_by_queries, {}),
        "single values": (select_single_values, {}),
        "all sets": (select_all, {})}
"""Name -> (way, settings other than the defaults)."""
_WITHOUT_CLICKS = "products vote, no clicks"
CEILINGS = (100, 200, 400, 800, 1600)
_FLOOR = 10


def main() -> None:
    options = _options()
    workdir = Workdir(options.workdir)
    shop = read_shop(workdir.require("prepare") / "shop")
    attributes = ShopAttributes.load(workdir.require("attributes"))
    judged = Judged(shop, options.split)
    bm25 = tune_bm25(shop.products, shop.queries_of("tune"), shop.qrels("tune")).retriever
    neighbors = {"BM25": judged.of_bm25(bm25)}
    neighbors |= {name: judged.of_run(Path(path))
                  for name, path in (run.split("=", 1) for run in options.run)}
    rows = []
    no_clicks = (Shop(shop.products, (), (), (), {}), dataclasses.replace(
        attributes, queries=attributes.queries.chosen(np.zeros(0, np.int64)), query_ids=()))
    ways = {name: (shop, attributes, *way) for name, way in WAYS.items()} | {
        _WITHOUT_CLICKS: (*no_clicks, select_by_votes, {})}
    for ceiling, (way, (known, values, select, others)) in itertools.product(
            CEILINGS, ways.items()):
        settings = MiningSettings(min_products=_FLOOR, max_products=ceiling, **others)
        clock = time.monotonic()
        built = build_codes(known, values, settings=settings, select=select)
        seconds = time.monotonic() - clock
        for name, found in neighbors.items():
            row = {"way": way, "ceiling": ceiling, "chooser": name,
                   "codes": built.code_table.num_codes,
                   "codes_per_product": built.quality["codes_per_product"]["mean"],
                   "seconds": round(seconds, 1),
                   **reached(built.code_table, chosen_by(built.code_table, found, 10), judged,
                             (300,))}
            rows.append(row)
            print("  ".join(f"{value:.4f}" if isinstance(value, float) and value <= 1
                            else f"{value:.0f}" if isinstance(value, float) else f"{value!s:>13}"
                            for value in row.values()), flush=True)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "code_ways.json").write_text(json.dumps(rows, indent=1) + "\n",
                                                   encoding="utf-8")
    for name in neighbors:
        _plot(rows, name, options.split, options.output / f"code_ways_{name.lower()}.svg")


def _plot(rows: list[dict], chooser: str, split: str, path: Path) -> None:
    try:
        import matplotlib
    except ImportError:
        print(f"{path.name} is left out: pip install matplotlib")
        return
    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for way in (*WAYS, _WITHOUT_CLICKS):
        line = [row for row in rows if row["way"] == way and row["chooser"] == chooser]
        axes.plot([row["products"] for row in line], [row["reached"] for row in line],
                  marker="o", label=way)
        for row in line:
            axes.annotate(str(row["ceiling"]), (row["products"], row["reached"]), fontsize=7,
                          textcoords="offset points", xytext=(4, -9))
    axes.set_xlabel("products under a query's 10 codes (mean)")
    axes.set_ylabel("share of its relevant products")
    axes.set_title(f"Home Depot {split}: 10 codes by the votes of 20 {chooser} neighbors\n"
                   "numbers: most products a code may have")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", required=True, type=Path)
    parser.add_argument("--split", choices=("tune", "test"), default="tune")
    parser.add_argument("--run", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--output", required=True, type=Path, help="folder for figures and plots")
    return parser.parse_args()


if __name__ == "__main__":
    main()
