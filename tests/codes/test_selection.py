"""Votes against counting them product by product."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.codes import selection
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.codes.query_codes import choose_query_codes
from gram_jax.codes.selection import (
    select_all,
    select_by_queries,
    select_by_votes,
    select_single_values,
)
from gram_jax.testing.posting_rows import clicks_of, matrix_of, postings_of

_NUM_PRODUCTS = 6
_NOBODY = (clicks_of([]), matrix_of([], 4))
_SUBSETS = ((0,), (0, 1, 2), (0, 1, 2, 3))
"""One of each granularity."""


@st.composite
def _problems(draw):
    count = draw(st.integers(1, 8))
    rows = [draw(st.sets(st.integers(0, _NUM_PRODUCTS - 1), min_size=1)) for _ in range(count)]
    worths = draw(st.lists(st.sampled_from([0.0, 1.0, 2.0, -np.inf]), min_size=count,
                           max_size=count))
    ranks = draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    votes = draw(st.tuples(*[st.integers(0, 3)] * 3))
    return rows, worths, ranks, votes, draw(st.sampled_from([0, .5, 1]))


@given(_problems(), st.sampled_from([2, 100]))
def test_selection_counts_the_votes_of_every_product(problem, products_at_once):
    rows, worths, ranks, votes, share = problem
    candidates = postings_of(rows, worths=worths, subsets=[_SUBSETS[rank] for rank in ranks])
    whole, selection._PRODUCTS_AT_ONCE = selection._PRODUCTS_AT_ONCE, products_at_once
    try:
        found = select_by_votes(candidates, *_NOBODY, num_products=_NUM_PRODUCTS,
                                settings=MiningSettings(votes=votes, min_vote_share=share))
    finally:
        selection._PRODUCTS_AT_ONCE = whole
    able = [at for at in range(len(rows)) if worths[at] > -np.inf]
    counts = [0] * len(rows)
    for product in range(_NUM_PRODUCTS):
        for rank in range(3):
            mine = [at for at in able if ranks[at] == rank and product in rows[at]]
            for at in sorted(mine, key=lambda at: (-worths[at], at))[:votes[rank]]:
                counts[at] += 1
    assert found.votes.tolist() == counts
    for at, row in enumerate(rows):
        voted_in = counts[at] > 0 and counts[at] >= share * len(row)
        assert found.chosen[at] == (voted_in or found.rescued[at])
        assert at in able or not found.chosen[at] or any(
            not any(product in rows[other] for other in able) for product in row)
    reached = {product for at in np.flatnonzero(found.chosen) for product in rows[at]}
    assert reached == set().union(*rows)


def test_a_product_left_without_a_code_gets_its_best_one():
    candidates = postings_of([{0, 1, 2}, {0}, {1, 2}, {2}], worths=[1.0, 2.0, 3.0, 4.0])
    found = select_by_votes(candidates, *_NOBODY, num_products=3,
                            settings=MiningSettings(votes=(1, 0, 0), min_vote_share=0.9))
    assert found.chosen.tolist() == [False, True, True, True]
    assert found.rescued.tolist() == [False, False, True, False]


@given(_problems(), st.lists(st.dictionaries(st.integers(0, 5), st.just(1.0)), max_size=4))
def test_queries_keep_what_enough_of_them_pick(problem, clicked):
    rows, worths, ranks, _, _ = problem
    candidates = postings_of(rows, worths=worths, subsets=[_SUBSETS[rank] for rank in ranks])
    clicks, certainties = clicks_of(clicked), matrix_of([{} for _ in clicked], 4)
    settings = MiningSettings(min_picks=2)
    found = select_by_queries(candidates, clicks, certainties, num_products=_NUM_PRODUCTS,
                              settings=settings)
    picks = choose_query_codes(candidates, clicks, certainties, num_products=_NUM_PRODUCTS,
                               settings=settings)
    for at, worth in enumerate(worths):
        count = picks.codes.tolist().count(at)
        assert found.votes[at] == count
        assert found.chosen[at] == ((count >= 2 and worth > -np.inf) or found.rescued[at])
    assert {product for at in np.flatnonzero(found.chosen) for product in rows[at]} \
        == set().union(*rows)


def test_single_values_and_everything():
    candidates = postings_of([{0}, {0, 1}, {2}], subsets=[(0,), (0, 1, 2), (2,)],
                             worths=[1.0, 2.0, -np.inf])
    bounds = {"num_products": 3, "settings": MiningSettings()}
    assert select_single_values(candidates, *_NOBODY, **bounds).chosen.tolist() == [1, 0, 1]
    assert select_all(candidates, *_NOBODY, **bounds).chosen.tolist() == [1, 1, 0]
