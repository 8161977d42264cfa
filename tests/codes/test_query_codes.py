"""The greedy choice of queries' codes against a plain reading of its definition."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.codes import query_codes as query_codes_module
from gram_jax.codes.code import GRANULARITIES, granularity_of
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.codes.query_codes import choose_query_codes
from gram_jax.testing.posting_rows import clicks_of, matrix_of, postings_of

_WEIGHTS = st.sampled_from([1.0, 2.0, 0.5])
_SUBSETS = [(0,), (1,), (0, 1), (0, 1, 2), (1, 2, 3), (0, 1, 2, 3), (2,), (3,)]
_NUM_PRODUCTS = 6


@st.composite
def _problems(draw):
    rows = draw(st.lists(st.sets(st.integers(0, _NUM_PRODUCTS - 1), min_size=1), min_size=1,
                         max_size=len(_SUBSETS)))
    clicks = draw(st.lists(st.dictionaries(st.integers(0, _NUM_PRODUCTS - 1), _WEIGHTS),
                           max_size=4))
    certainties = [draw(st.dictionaries(st.integers(0, 3), st.sampled_from([0.5, 1.0])))
                   for _ in clicks]
    settings = MiningSettings(
        max_codes_per_query=draw(st.integers(1, 5)), size_prior=draw(st.sampled_from([0.0, 10.0])),
        covered_share=draw(st.sampled_from([0.0, 0.5])),
        surprise_weight=draw(st.sampled_from([0.2, 1.0])),
        min_relative_score=draw(st.sampled_from([0.0, 0.3])))
    return rows, _SUBSETS[:len(rows)], clicks, certainties, settings


def _plain_reading(rows, subsets, weights, certainty, settings):
    """The codes of one query."""
    def affinity(code):
        mean = sum(certainty.get(value, 0.0) for value in subsets[code]) / len(subsets[code])
        return settings.surprise_weight + (1 - settings.surprise_weight) * mean

    def score(code, picked):
        gain = sum(weight * settings.covered_share ** sum(product in rows[other]
                                                          for other in picked)
                   for product, weight in weights.items() if product in rows[code])
        return round(affinity(code) * gain / (len(rows[code]) + settings.size_prior) ** 0.5, 12)

    def best(codes, picked):
        able = [(-score(code, picked), code) for code in codes if code not in picked
                and score(code, picked) > 0 and
                (not picked or score(code, picked) >= settings.min_relative_score * first)]
        return min(able)[1] if able else None

    ranks = [GRANULARITIES.index(granularity_of(len(subset))) for subset in subsets]
    reached = [code for code in range(len(rows)) if rows[code] & weights.keys()]
    picked, first, first_round = [], 0.0, True
    while len(picked) < settings.max_codes_per_query:
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


def _choose(rows, subsets, clicks, certainties, settings):
    return choose_query_codes(postings_of(rows, subsets=subsets), clicks_of(clicks),
                              matrix_of(certainties, 4), num_products=_NUM_PRODUCTS,
                              settings=settings)


@pytest.mark.parametrize("clicks_at_once", [1, 1000])
@given(problem=_problems())
def test_choice_is_the_plain_reading_for_every_query(clicks_at_once, problem):
    rows, subsets, clicks, certainties, settings = problem
    whole, query_codes_module._CLICKS_AT_ONCE = query_codes_module._CLICKS_AT_ONCE, clicks_at_once
    try:
        found = _choose(*problem)
    finally:
        query_codes_module._CLICKS_AT_ONCE = whole
    for row, (weights, certainty) in enumerate(zip(clicks, certainties)):
        chosen = found.of_row(row)
        assert chosen == _plain_reading(rows, subsets, weights, certainty, settings)
        affinities = found.certainties[found.starts[row]:found.starts[row + 1]]
        for code, sure in zip(chosen, affinities, strict=True):
            assert sure == pytest.approx(np.mean([certainty.get(v, 0.0) for v in subsets[code]]))
    assert found.affinities(len(rows)).shape == (len(clicks), len(rows))


def test_best_of_every_granularity_comes_first_where_nothing_is_cut():
    rows, clicks = [{0, 1}] * len(_SUBSETS), [{0: 1.0, 1: 2.0}]
    settings = MiningSettings(min_relative_score=0.0)
    chosen = _choose(rows, _SUBSETS, clicks, [{}], settings).of_row(0)
    assert sorted(chosen) == list(range(len(_SUBSETS)))
    assert {granularity_of(len(_SUBSETS[code])) for code in chosen[:3]} == set(GRANULARITIES)


def test_without_shared_credit_every_pick_reaches_something_more():
    rows, subsets = [{0, 1}, {0}, {1}, {2}], [(0,), (1,), (2,), (3,)]
    settings = MiningSettings(covered_share=0.0, min_relative_score=0.0, size_prior=0.0)
    for order in itertools.permutations(range(4)):
        found = _choose([rows[code] for code in order], subsets, [{0: 1.0, 1: 1.0, 2: 1.0}], [{}],
                        settings)
        assert {order[code] for code in found.of_row(0)} in ({0, 3}, {1, 2, 3})


def test_queries_that_reach_nothing_have_no_codes():
    found = _choose([{0, 1}], [(0, 1)], [{1: 1.0}, {2: 1.0}, {}], [{0: 1.0}, {}, {}],
                    MiningSettings())
    assert [found.of_row(row) for row in range(3)] == [(0,), (), ()]
    assert found.certainties.tolist() == [0.5]
