"""Votes against counting them product by product."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.codes import selection
from gram_jax.codes.selection import select_by_votes
from gram_jax.testing.posting_rows import postings_of

_NUM_PRODUCTS = 6
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
        found = select_by_votes(candidates, num_products=_NUM_PRODUCTS, votes=votes,
                                min_vote_share=share)
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
    found = select_by_votes(candidates, num_products=3, votes=(1, 0, 0), min_vote_share=0.9)
    assert found.chosen.tolist() == [False, True, True, True]
    assert found.rescued.tolist() == [False, False, True, False]
