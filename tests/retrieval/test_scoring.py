"""Candidates and ranking against a reading of the method one candidate at a time."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.models.code_score import CodeScoreParams
from gram_jax.retrieval.candidates import gather_candidates
from gram_jax.retrieval.query_beams import QueryBeams
from gram_jax.retrieval.scoring import REDUCES, ScoringHead, rank_candidates
from tests.retrieval.conftest import random_beams, random_index

HEADS = ("jensen_shannon", "log_prob_sum")


def score_one(scoring, query_log_probs, product_log_probs, granularity):
    cost = 0.0
    for ours, theirs in zip(query_log_probs, product_log_probs):
        p, t = math.exp(ours), math.exp(theirs)
        cost += (p * math.log(2 * p / (p + t)) + t * math.log(2 * t / (p + t))
                 if scoring.head == "jensen_shannon" else -(ours + theirs))
    return (float(scoring.params.granularity_weights[granularity]) * cost
            + float(scoring.params.granularity_bias[granularity]))


def brute_force(index, beams, scoring):
    """product_id -> (score, the code that speaks most for it), by plain loops."""
    found = {}
    table = index.code_table
    for code_id, log_probs in zip(beams.code_ids, beams.token_log_probs):
        length = np.count_nonzero(index.code_tokens[code_id])
        start = table.posting_starts[code_id]
        for offset, product in enumerate(table.postings(code_id)):
            score = score_one(scoring, log_probs[:length],
                              index.posting_token_log_probs[start + offset][:length].astype(float),
                              table.granularities[code_id])
            found.setdefault(table.product_ids[product], []).append(
                (score, table.codes[code_id].text))
    answer = {}
    for product_id, scores in found.items():
        values = [score for score, _ in scores]
        if scoring.reduce == "best":
            total = max(values)
        elif scoring.head == "log_prob_sum":
            total = math.log(sum(map(math.exp, values)))
        else:
            total = sum(values)
        answer[product_id] = total, max(scores)[1]
    return answer


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100_000), st.sampled_from(HEADS), st.sampled_from(REDUCES))
def test_ranking_is_the_method_read_one_candidate_at_a_time(seed, head, reduce):
    rng = np.random.default_rng(seed)
    index = random_index(rng)
    scoring = ScoringHead(head, reduce, CodeScoreParams(
        rng.normal(-1, 1, 3).astype(np.float32), rng.normal(0, 1, 3).astype(np.float32)))
    beams = [random_beams(rng, index, f"q{i}") for i in range(3)]
    candidates = gather_candidates(index, beams)
    for k in (1, 4, 100):
        ranked = rank_candidates(index, beams, candidates, scoring, k=k)
        for found, row in zip(ranked, beams):
            expected = brute_force(index, row, scoring)
            assert found.query_id == row.query_id
            assert len(found.product_ids) == min(k, len(expected))
            best = sorted((score for score, _ in expected.values()), reverse=True)
            np.testing.assert_allclose(found.scores, best[:k], rtol=1e-3, atol=1e-4)
            for product_id, score, code in zip(found.product_ids, found.scores, found.codes):
                assert score == pytest.approx(expected[product_id][0], rel=1e-3, abs=1e-4)
                assert code == expected[product_id][1]


def test_the_initial_score_of_log_prob_sum_is_the_sum_of_both_log_probabilities():
    rng = np.random.default_rng(0)
    index = random_index(rng)
    beams = QueryBeams("q", ("?",), np.zeros(1, np.float32), np.array([3], np.int32),
                       index.code_tokens[3:4],
                       np.where(index.code_tokens[3:4] != 0, -0.5, 0).astype(np.float32))
    (found,) = rank_candidates(index, [beams], gather_candidates(index, [beams]), ScoringHead(),
                               k=100)
    start, end = index.code_table.posting_starts[3:5]
    sums = index.posting_token_log_probs[start:end].astype(np.float32).sum(1)
    expected = np.sort(sums - 0.5 * np.count_nonzero(index.code_tokens[3]))[::-1]
    np.testing.assert_allclose(found.scores, expected, rtol=1e-5)


def test_ties_go_to_the_product_that_comes_first_and_the_better_beam():
    rng = np.random.default_rng(1)
    index = random_index(rng)
    scoring = ScoringHead("log_prob_sum", "best",
                          CodeScoreParams(np.zeros(3, np.float32), np.zeros(3, np.float32)))
    beams = [next(beams for beams in (random_beams(rng, index, "q") for _ in range(100))
                  if len(beams.codes) == 5)]
    (found,) = rank_candidates(index, beams, gather_candidates(index, beams), scoring, k=100)
    places = [index.code_table.product_ids.index(product) for product in found.product_ids]
    assert len(places) > 1
    assert places == sorted(places)
    for place, code in zip(places, found.codes):
        reached = [text for text, code_id in zip(beams[0].codes, beams[0].code_ids)
                   if place in index.code_table.postings(int(code_id))]
        assert code == reached[0]


def test_no_beams_find_nothing():
    index = random_index(np.random.default_rng(0))
    nothing = QueryBeams("q", (), np.zeros(0, np.float32), np.zeros(0, np.int32),
                         np.zeros((0, 4), np.int32), np.zeros((0, 4), np.float32))
    for beams in ([nothing], [nothing, nothing], []):
        candidates = gather_candidates(index, beams)
        ranked = rank_candidates(index, beams, candidates, ScoringHead(), k=5)
        assert [found.product_ids for found in ranked] == [()] * len(beams)


@pytest.mark.parametrize("names", [("cosine", "best"), ("log_prob_sum", "mean")])
def test_unknown_names_are_refused_with_the_known_ones(names):
    with pytest.raises(ValueError, match="is not one of"):
        ScoringHead(*names)
