"""What is mined ranks high and was never clicked; what is drawn was mined."""

import numpy as np
import pytest

from gram_jax.baselines.bm25 import BM25Retriever
from gram_jax.baselines.hard_negatives import (
    NONE,
    hard_negative_draws,
    mine_hard_negatives,
    united,
)
from gram_jax.core.runs import RankedList


@pytest.fixture(scope="module")
def mined(learnable):
    return mine_hard_negatives(BM25Retriever(learnable.shop.products), learnable.queries,
                               learnable.shop.product_ids, learnable.clicked, depth=8)


def test_mined_are_the_retrievers_list_without_what_was_clicked(learnable, mined):
    lists = BM25Retriever(learnable.shop.products).retrieve(learnable.queries, k=8)
    for row, (found, ranked) in enumerate(zip(mined, lists)):
        places = map(learnable.shop.product_ids.index, ranked.product_ids)
        expected = [place for place in places if not learnable.is_clicked(row, place)]
        assert found[found != NONE].tolist() == expected
        assert (found[len(expected):] == NONE).all()
    assert mined.dtype == np.int32 and (mined != NONE).any(axis=1).sum() > 5


class Everything:
    """Ranks the catalogue in its own order, whatever is asked."""

    name = "everything"

    def __init__(self, product_ids):
        self.product_ids = product_ids

    def retrieve(self, queries, *, k):
        for query in queries:
            yield RankedList(query.query_id, tuple(self.product_ids[:k]),
                             tuple(map(float, range(k, 0, -1))))


def test_first_ranks_can_be_left_out(learnable):
    ids = learnable.shop.product_ids
    found = mine_hard_negatives(Everything(ids), learnable.queries, ids, learnable.clicked,
                                depth=6, skip=2)
    assert found.shape == (len(learnable.queries), 4)
    for row, places in enumerate(found):
        assert places[places != NONE].tolist() == [
            place for place in range(2, 6) if not learnable.is_clicked(row, place)]
    for depth, skip in [(3, 3), (3, -1), (0, 0)]:
        with pytest.raises(ValueError, match="no rank"):
            mine_hard_negatives(Everything(ids), learnable.queries, ids, learnable.clicked,
                                depth=depth, skip=skip)


def test_rounds_are_united_in_order_with_gaps_behind():
    found = united(np.array([[4, NONE], [NONE, NONE]]), np.array([[7, 4, NONE], [1, NONE, NONE]]))
    assert found.tolist() == [[4, 7, 4, NONE, NONE], [1, NONE, NONE, NONE, NONE]]


def test_drawn_are_mined_ones_or_else_any_that_was_not_clicked(learnable, mined):
    nothing = mined.copy()
    nothing[3] = NONE
    negatives = hard_negative_draws(nothing, learnable.clicked, learnable.shop.product_ids,
                                    num_negatives=3)
    rows, products = learnable.clicks.rows, learnable.clicks.products
    seen = {row: set() for row in range(len(nothing))}
    for seed in range(40):
        drawn = negatives.draw(np.random.default_rng(seed), rows, products)
        assert drawn.shape == (len(rows), 3)
        for row, found in zip(rows.tolist(), drawn.tolist()):
            seen[row].update(found)
    for row, found in seen.items():
        pool = set(nothing[row][nothing[row] != NONE].tolist())
        assert not any(learnable.is_clicked(row, product) for product in found)
        if pool:
            assert found == pool
        else:
            assert len(found) > 3


def test_nothing_mined_at_all_is_any_product(learnable):
    empty = np.full((len(learnable.queries), 1), NONE, np.int32)
    negatives = hard_negative_draws(empty, learnable.clicked, learnable.shop.product_ids)
    rows, products = learnable.clicks.rows, learnable.clicks.products
    drawn = negatives.draw(np.random.default_rng(0), rows, products)
    assert not learnable.clicked(rows[:, None], drawn).any() and (drawn >= 0).all()
