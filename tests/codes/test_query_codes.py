"""The greedy choice of a query's codes against a plain reading of its definition."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.codes.query_codes import choose_query_codes, codes_of_queries, mean_certainty

_WEIGHTS = st.sampled_from([1.0, 2.0, 0.5])


@st.composite
def _problems(draw):
    num_codes = draw(st.integers(1, 7))
    weights = {product: draw(_WEIGHTS) for product in range(4)}
    reached = {code: {product: weights[product] for product in
                      draw(st.sets(st.integers(0, 3), min_size=1, max_size=4))}
               for code in range(num_codes)}
    return {
        "reached": reached,
        "sizes": draw(st.lists(st.integers(4, 50), min_size=num_codes, max_size=num_codes)),
        "ranks": draw(st.lists(st.integers(0, 2), min_size=num_codes, max_size=num_codes)),
        "affinities": {code: draw(st.sampled_from([0.2, 0.6, 1.0])) for code in reached},
        "max_codes": draw(st.integers(1, 5)), "size_prior": draw(st.sampled_from([0.0, 10.0])),
        "covered_share": draw(st.sampled_from([0.0, 0.5])),
        "min_relative_score": draw(st.sampled_from([0.0, 0.3])),
    }


def _plain_reading(reached, sizes, ranks, affinities, max_codes, size_prior, covered_share,
                   min_relative_score):
    def score(code, picked):
        gain = sum(weight * covered_share ** sum(product in reached[other] for other in picked)
                   for product, weight in reached[code].items())
        return affinities[code] * gain / (sizes[code] + size_prior) ** 0.5

    def best(codes, picked):
        able = [(-score(code, picked), code) for code in codes if code not in picked
                and score(code, picked) > 0 and
                (not picked or score(code, picked) >= min_relative_score * first)]
        return min(able)[1] if able else None

    picked, first = [], 0.0
    first_round = True
    while len(picked) < max_codes:
        unseen = [code for code in reached if ranks[code] not in {ranks[c] for c in picked}]
        code = best(unseen, picked) if first_round else None
        if code is None:
            first_round = False
            code = best(reached, picked)
        if code is None:
            break
        first = max(first, score(code, picked))
        picked.append(code)
    return tuple(picked)


@given(_problems())
def test_choice_is_the_plain_reading(problem):
    chosen = choose_query_codes(**problem)
    assert chosen == _plain_reading(**problem)
    assert len(set(chosen)) == len(chosen) <= problem["max_codes"]


@given(_problems())
def test_best_of_every_granularity_comes_first_where_nothing_is_cut(problem):
    problem |= {"min_relative_score": 0.0, "covered_share": 0.5, "max_codes": 9}
    chosen = choose_query_codes(**problem)
    there = {problem["ranks"][code] for code in problem["reached"]}
    assert {problem["ranks"][code] for code in chosen[:len(there)]} == there
    assert sorted(chosen) == sorted(problem["reached"])


def test_without_shared_credit_every_pick_reaches_something_more():
    reached = {0: {0: 1.0, 1: 1.0}, 1: {0: 1.0}, 2: {1: 1.0}, 3: {2: 1.0}}
    for order in itertools.permutations(range(4)):
        chosen = choose_query_codes(
            {code: reached[code] for code in order}, [5] * 4, [0] * 4, dict.fromkeys(range(4), 1.0),
            max_codes=9, size_prior=0, covered_share=0.0, min_relative_score=0.0)
        assert chosen == (0, 3)


def test_queries_that_reach_nothing_are_left_out():
    found = codes_of_queries(
        [np.array([0, 1], np.int32)], [("a", "b")], {"q": {"a": 1.0}, "r": {}},
        {"q": {1: 1.0}, "r": {2: 1.0}}, num_products=3, settings=MiningSettings())
    assert found == {"q": (0,)}
    assert mean_certainty({"a": 1.0, "c": 0.5}, ("a", "b")) == 0.5
