"""Where recall is lost: in choosing codes, or in ordering what they reach.

    python benchmarks/code_reach.py --workdir=DIR

For a workdir whose stages have run: the share of a test query's relevant products that stand in the
postings of its first codes, whatever their order, and how many products these are.
"""

import argparse
from pathlib import Path

import numpy as np

from gram_jax.catalog.shop import read_shop
from gram_jax.core.records import RELEVANT_GRADE
from gram_jax.evaluation.metrics import evaluated_queries
from gram_jax.pipeline.answers import open_snapshot
from gram_jax.pipeline.workdir import Workdir


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workdir", required=True, type=Path)
    options = parser.parse_args()
    snapshot = open_snapshot(options.workdir)
    shop = read_shop(Workdir(options.workdir).require("prepare") / "shop")
    qrels, table = shop.qrels("test"), snapshot.index.code_table
    judged = set(evaluated_queries(qrels))
    place_of = {product_id: place for place, product_id in enumerate(table.product_ids)}
    relevant = {query_id: np.array([place_of[product_id] for product_id, grade in grades.items()
                                    if grade >= RELEVANT_GRADE])
                for query_id, grades in qrels.items() if query_id in judged}
    beams = list(snapshot.retriever.beams(
        query for query in shop.queries_of("test") if query.query_id in judged))
    beam_size = snapshot.search.beam_size
    print(f"{len(beams)} test queries\ncodes  relevant products under them  products under them")
    for num_codes in sorted({1, min(10, beam_size), min(20, beam_size), beam_size}):
        shares, sizes = [], []
        for found in beams:
            reached = np.unique(np.concatenate(
                [np.zeros(0, np.int32), *map(table.postings, found.code_ids[:num_codes])]))
            shares.append(np.isin(relevant[found.query_id], reached).mean())
            sizes.append(len(reached))
        print(f"{num_codes:5}  {np.mean(shares):28.4f}  {np.mean(sizes):19.1f}")


if __name__ == "__main__":
    main()
