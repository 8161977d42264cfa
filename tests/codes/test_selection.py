"""Votes against counting them product by product."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.codes.selection import select_by_votes

_NUM_PRODUCTS = 6


@st.composite
def _problems(draw):
    count = draw(st.integers(1, 8))
    postings = [np.array(sorted(draw(st.sets(st.integers(0, _NUM_PRODUCTS - 1), min_size=1))),
                         np.int32) for _ in range(count)]
    worths = draw(st.lists(st.sampled_from([0.0, 1.0, 2.0, -np.inf]), min_size=count,
                           max_size=count))
    ranks = draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    votes = draw(st.tuples(*[st.integers(0, 3)] * 3))
    return postings, np.array(worths), np.array(ranks), votes, draw(st.sampled_from([0, .5, 1]))


@given(_problems())
def test_selection_counts_the_votes_of_every_product(problem):
    postings, worths, ranks, votes, share = problem
    chosen = select_by_votes(postings, worths, ranks, num_products=_NUM_PRODUCTS, votes=votes,
                             min_vote_share=share)
    able = [at for at in range(len(postings)) if worths[at] > -np.inf]
    counts = [0] * len(postings)
    for product in range(_NUM_PRODUCTS):
        for rank in range(3):
            mine = [at for at in able if ranks[at] == rank and product in postings[at]]
            for at in sorted(mine, key=lambda at: (-worths[at], at))[:votes[rank]]:
                counts[at] += 1
    for at, row in enumerate(postings):
        voted_in = counts[at] > 0 and counts[at] >= share * len(row)
        assert chosen[at] or not voted_in
        assert at in able or not chosen[at] or any(
            not any(product in postings[other] for other in able) for product in row.tolist())
    reachable = {product for row in postings for product in row.tolist()}
    reached = {product for at in np.flatnonzero(chosen) for product in postings[at].tolist()}
    assert reached == reachable


def test_a_product_left_without_a_code_gets_its_best_one():
    postings = [np.array([0, 1, 2], np.int32), np.array([0], np.int32), np.array([1, 2], np.int32),
                np.array([2], np.int32)]
    chosen = select_by_votes(postings, np.array([1.0, 2.0, 3.0, 4.0]), np.zeros(4, int),
                             num_products=3, votes=(1, 0, 0), min_vote_share=0.9)
    assert chosen.tolist() == [False, True, True, True]
