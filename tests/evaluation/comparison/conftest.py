"""A small simulated shop and five made-up methods: BM25, and what becomes of it when disturbed."""

import numpy as np
import pytest

from gram_jax.baselines.bm25 import BM25Retriever
from gram_jax.catalog.simulator.simulator import simulate_shop
from gram_jax.core.runs import RankedList, Run
from gram_jax.evaluation.comparison.compare import MethodCosts, compare_runs
from gram_jax.evaluation.comparison.disagreements import Shelf
from gram_jax.evaluation.comparison.slices import (
    by_attributes,
    by_demand,
    by_length,
    by_shared_words,
    by_spelling,
    words_of_titles,
)
from gram_jax.evaluation.metrics import evaluated_queries


@pytest.fixture(scope="session")
def shop():
    return simulate_shop(seed=1, num_products=1200, num_queries=300, num_tune_queries=30,
                         num_test_queries=150)


def disturbed(run: Run, name: str, qrels, *, noise: float, hint: float, keep: int, seed: int,
              codes: bool = False) -> Run:
    """Reorders every list by its ranks, noise, and a hint of the grades; keeps the first ones."""
    rng = np.random.default_rng(seed)
    lists = []
    for ranked in run.ranked_lists:
        grades = qrels.get(ranked.query_id, {})
        scores = np.array([-np.log1p(rank) + noise * rng.normal() + hint * grades.get(product, 0)
                           for rank, product in enumerate(ranked.product_ids)])
        order = np.argsort(-scores, kind="stable")[:keep]
        products = tuple(ranked.product_ids[at] for at in order)
        lists.append(RankedList(
            ranked.query_id, products, tuple(scores[order].tolist()),
            tuple(f"brand {at % 7} | kind {at % 5}" for at in range(len(products))) * codes))
    return Run(name, tuple(lists))


@pytest.fixture(scope="session")
def runs(shop):
    qrels, queries = shop.qrels("test"), shop.queries_of("test")
    bm25 = BM25Retriever(shop.products)
    first = Run("BM25", tuple(bm25.retrieve(queries, k=200)))
    return [first,
            disturbed(first, "shuffled", qrels, noise=1.2, hint=0.0, keep=200, seed=1),
            disturbed(first, "short lists", qrels, noise=0.1, hint=0.3, keep=25, seed=2,
                      codes=True),
            disturbed(first, "with codes", qrels, noise=0.8, hint=0.5, keep=200, seed=3,
                      codes=True),
            disturbed(first, "much the same", qrels, noise=0.05, hint=0.0, keep=200, seed=4)]


@pytest.fixture(scope="session")
def comparison(shop, runs):
    qrels, asked = shop.qrels("test"), {query.query_id: query.text for query in shop.queries}
    query_ids = evaluated_queries(qrels)
    texts = [asked[query_id] for query_id in query_ids]
    titles = {product.product_id: product.title for product in shop.products}
    types = {query_id: ({"brand"} if at % 3 == 0 else set()) | ({"category"} if at % 2 else set())
             | ({"color"} if at % 5 == 0 else set()) for at, query_id in enumerate(query_ids)}
    judged = {query_id: len(qrels[query_id]) for query_id in query_ids}
    return compare_runs(
        runs, qrels, shelf=Shelf(asked, titles), costs={
            "BM25": MethodCosts(0.6, 210.0, 0.2, note="k1 0.9, b 0.4"),
            "shuffled": MethodCosts(0.7, 210.0, 0.2),
            "short lists": MethodCosts(14.2, 950.5, 31.0, 0.0),
            "with codes": MethodCosts(22.0, 1400.0, 48.5, 0.0123)},
        slices=[by_demand(query_ids, judged, what="judged products"), by_length(texts),
                by_spelling(texts, words_of_titles(titles.values())),
                by_attributes(query_ids, types),
                by_shared_words(query_ids, texts, qrels, titles)])
