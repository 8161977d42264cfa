"""What a workdir's codes can give: fixed choosers, hindsight, and where relevant products are lost.

    python benchmarks/code_choosers.py --workdir=DIR --split=test --run=minilm=minilm.txt

A fixed chooser learns nothing: the 20 products nearest to a query vote for their codes, votes
over the root of the posting size. BM25 (k1 and b chosen on tune queries) is always one; --run adds
others from TREC runs (benchmarks/minilm_run.py writes one), and all of them fused by reciprocal
ranks. Needs the stages prepare and codes.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from chooser_runs import Judged, chosen_by, fused, reached

from gram_jax.baselines.bm25 import tune_bm25
from gram_jax.catalog.shop import read_shop
from gram_jax.codes.choosers import choose_with_hindsight, random_partition
from gram_jax.codes.code_table import CodeTable
from gram_jax.pipeline.workdir import Workdir

_CUTOFFS = (10, 100, 300)


def main() -> None:
    options = _options()
    workdir = Workdir(options.workdir)
    shop = read_shop(workdir.require("prepare") / "shop")
    table = CodeTable.load(workdir.require("codes") / "table")
    judged = Judged(shop, options.split)
    bm25 = tune_bm25(shop.products, shop.queries_of("tune"), shop.qrels("tune")).retriever
    neighbors = {"BM25": judged.of_bm25(bm25)}
    neighbors |= {name: judged.of_run(Path(path))
                  for name, path in (run.split("=", 1) for run in options.run)}
    if len(neighbors) > 1:
        neighbors[" + ".join(neighbors)] = fused(neighbors.values())
    sizes = np.diff(table.posting_starts)
    print(f"{len(judged.relevant)} {options.split} queries; {table.num_codes} codes of "
          f"{sizes.min()} to {sizes.max()} products; products without a code: "
          f"{np.mean(table.codes_per_product == 0):.4f}")
    rows = {
        f"{name}, {count} codes": reached(table, chosen_by(table, found, count), judged, _CUTOFFS)
        for name, found in neighbors.items() for count in options.codes}
    for name, some in (("hindsight", table), ("hindsight, random cells", random_partition(
            shop.product_ids, cell_size=int(sizes.min()), seed=0))):
        rows[name] = reached(some, {
            query_id: choose_with_hindsight(some, wanted, num_codes=10)
            for query_id, wanted in judged.relevant.items()}, judged, _CUTOFFS)
    _print(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", required=True, type=Path)
    parser.add_argument("--split", choices=("tune", "test"), default="test")
    parser.add_argument("--run", action="append", default=[], metavar="NAME=FILE",
                        help="another chooser: the nearest products as a TREC run")
    parser.add_argument("--codes", type=int, nargs="+", default=[1, 10, 30],
                        help="codes a query (default 1 10 30)")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


def _print(rows: dict[str, dict[str, float]]) -> None:
    columns = list(next(iter(rows.values())))
    print(f"{'':26}" + "".join(f"{column:>12}" for column in columns))
    for name, figures in rows.items():
        print(f"{name:26}" + "".join(
            f"{figures[column]:12.0f}" if column == "products" else f"{figures[column]:12.4f}"
            for column in columns))


if __name__ == "__main__":
    main()
