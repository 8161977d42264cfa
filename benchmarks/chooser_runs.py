"""What choosers that learn nothing find under a code table; shared by the benchmarks of codes."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from gram_jax.baselines.bm25 import BM25Retriever
from gram_jax.catalog.shop import Shop
from gram_jax.codes.choosers import choose_by_neighbors, ranked_products
from gram_jax.codes.code_table import CodeTable
from gram_jax.core.records import RELEVANT_GRADE
from gram_jax.core.runs import RankedList
from gram_jax.evaluation.trec import read_run
from gram_jax.pipeline.text_neighbors import NONE, fuse_ranks

NUM_NEIGHBORS = 20
"""Products that vote."""
_NUM_LISTED = 100
"""Products of a list that count where lists are fused."""
Products = Mapping[str, Sequence[int]]
"""query_id -> product indices, nearest first."""


class Judged:
    """The judged queries of one split, with product indices for ids."""

    def __init__(self, shop: Shop, split: str):
        self._place = {product_id: at for at, product_id in enumerate(shop.product_ids)}
        self.relevant = {
            query_id: found for query_id, grades in shop.qrels(split).items()
            if (found := [self._place[product_id] for product_id, grade in grades.items()
                          if grade >= RELEVANT_GRADE])}
        clicked = {click.product_id for click in shop.clicks_of("train")}
        self.cold = np.array([product_id not in clicked for product_id in shop.product_ids])
        self.queries = [query for query in shop.queries_of(split)
                        if query.query_id in self.relevant]

    def neighbors(self, lists: Sequence[RankedList]) -> Products:
        """The first products of each list, nearest first."""
        return {found.query_id: [self._place[product_id] for product_id
                                 in found.product_ids[:_NUM_LISTED]] for found in lists}

    def of_run(self, path: Path) -> Products:
        """The neighbors that a TREC run names."""
        found = self.neighbors(read_run(path).ranked_lists)
        if missing := self.relevant.keys() - found.keys():
            raise SystemExit(f"{path} does not answer {len(missing)} judged queries")
        return found

    def of_bm25(self, bm25: BM25Retriever) -> Products:
        """The neighbors by BM25."""
        return self.neighbors(list(bm25.retrieve(self.queries, k=_NUM_LISTED)))


def reached(table: CodeTable, codes: Mapping[str, Sequence[int]], judged: Judged,
            cutoffs: Sequence[int] = ()) -> dict[str, float]:
    """The share of relevant products under each query's codes, and within the first of them.

    Products are ordered by how many and how early codes hold them. 'cold' is the share of all
    relevant products without a click on a train query that are under the codes.
    """
    shares, sizes, within = [], [], {cutoff: [] for cutoff in cutoffs}
    cold = [np.zeros(0, bool)]
    for query_id, wanted in judged.relevant.items():
        found = ranked_products(table, codes.get(query_id, ()))
        shares.append(np.isin(wanted, found).mean())
        sizes.append(len(found))
        cold.append(np.isin([product for product in wanted if judged.cold[product]], found))
        for cutoff in cutoffs:
            within[cutoff].append(np.isin(wanted, found[:cutoff]).mean())
    return {"reached": float(np.mean(shares)), "products": float(np.mean(sizes)),
            "cold": float(np.concatenate(cold).mean()),
            **{f"recall@{cutoff}": float(np.mean(found)) for cutoff, found in within.items()}}


def chosen_by(table: CodeTable, neighbors: Products, num_codes: int) -> dict[str, tuple[int, ...]]:
    """The codes that a chooser picks for every query."""
    return {query_id: choose_by_neighbors(table, found[:NUM_NEIGHBORS], num_codes=num_codes)
            for query_id, found in neighbors.items()}


def fused(neighbors: Iterable[Products]) -> Products:
    """The neighbors by several choosers together, as `pipeline.text_neighbors` fuses them."""
    neighbors = list(neighbors)
    query_ids = list(neighbors[0])
    lists = [np.array([(list(some.get(query_id, ())) + [NONE] * _NUM_LISTED)[:_NUM_LISTED]
                       for query_id in query_ids]) for some in neighbors]
    return {query_id: row[row != NONE].tolist()
            for query_id, row in zip(query_ids, fuse_ranks(lists, k=NUM_NEIGHBORS))}
