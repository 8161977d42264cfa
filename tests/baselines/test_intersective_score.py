"""The scores are those of SEAL's equations, read as they stand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.baselines.intersective_score import (
    IntersectiveSettings,
    heaviest_first,
    intersective_scores,
    ngram_weights,
)
from gram_jax.testing.plain_ngrams import places_in, plain_intersective_score

probabilities = st.floats(1e-6, 1 - 1e-6)
tokens = st.integers(2, 5)
catalogues = st.lists(st.lists(tokens, max_size=8), min_size=1, max_size=5)
# Equal weights are drawn often, so that their order counts.
weighed = st.dictionaries(st.lists(tokens, min_size=1, max_size=3).map(tuple),
                          st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.25]), min_size=1, max_size=12)
alphas, betas = st.sampled_from([0.5, 1.0, 2.0]), st.sampled_from([0.0, 0.3, 0.8, 1.0])


def rows_of(ngrams):
    rows = np.zeros((len(ngrams), 3), np.int32)
    for row, ngram in zip(rows, ngrams):
        row[:len(ngram)] = ngram
    return rows


def score(titles, weights, **options):
    """`intersective_scores` of titles that are scanned for the n-grams."""
    ngrams = list(weights)
    starts = np.cumsum([0, *(len(title) + 1 for title in titles)])
    occurrences = [np.array([starts[number] + place for number, title in enumerate(titles)
                             for place in places_in(title, ngram)], np.int64) for ngram in ngrams]
    title_of = np.repeat(np.arange(len(titles)), np.diff(starts))
    scores, best = intersective_scores(
        rows_of(ngrams), np.array(list(weights.values()), np.float64), occurrences, title_of,
        len(titles), **options)
    return scores, [ngrams[i] if i >= 0 else None for i in best.tolist()]


@given(st.lists(st.tuples(probabilities, st.integers(1, 40)), min_size=1, max_size=6),
       st.integers(41, 10**6), st.sampled_from([0.0, 5.0]))
def test_a_weight_is_the_log_ratio_of_odds_given_the_query_and_in_the_catalogue(
        drawn, num_tokens, smoothing):
    conditional, counts = map(np.array, zip(*drawn))
    found = ngram_weights(np.log(conditional), counts, num_tokens, smoothing=smoothing)
    for weight, given_query, count in zip(found, conditional, counts):
        prior = (count + smoothing) / (num_tokens + smoothing)
        ratio = given_query * (1 - prior) / (prior * (1 - given_query))
        assert weight == pytest.approx(max(0.0, math.log(ratio)), abs=1e-8)


def test_weights_are_finite_whatever_the_probability_and_the_count():
    log_probs = np.array([0.0, -np.inf, -1.0, -1e-30, -1.0, 0.0])
    counts = np.array([3, 3, 0, 1, 100, 100])
    for smoothing in (0.0, 5.0):
        weights = ngram_weights(log_probs, counts, 100, smoothing=smoothing)
        assert np.isfinite(weights).all() and (weights >= 0).all()
        assert (weights > 0).tolist() == [True, False, False, True, False, False]


@given(catalogues, weighed, alphas, betas)
def test_scores_are_those_of_one_title_and_one_ngram_at_a_time(titles, weights, alpha, beta):
    scores, best = score(titles, weights, alpha=alpha, beta=beta)
    for title, found, ngram in zip(titles, scores, best):
        expected, most = plain_intersective_score(title, weights, alpha=alpha, beta=beta)
        assert found == pytest.approx(expected, rel=1e-12)
        assert ngram == most


@given(catalogues, weighed, alphas, betas)
def test_an_ngram_that_does_not_occur_changes_nothing(titles, weights, alpha, beta):
    expected, _ = score(titles, weights, alpha=alpha, beta=beta)
    found, _ = score(titles, {(9, 8): 7.5, **weights}, alpha=alpha, beta=beta)
    np.testing.assert_array_equal(found, expected)


@given(catalogues, st.dictionaries(st.integers(2, 5).map(lambda token: (token,)),
                                   st.floats(0.1, 4), min_size=1), alphas, betas)
def test_single_tokens_add_up_each_once_however_often_it_stands(titles, weights, alpha, beta):
    scores, _ = score(titles, weights, alpha=alpha, beta=beta)
    for title, found in zip(titles, scores):
        held = [weights[token,] ** alpha for token in set(title) if (token,) in weights]
        assert found == pytest.approx(sum(held))


def test_a_toy_title_is_scored_as_by_hand():
    """Title 'red running shoe for running', n-grams heaviest first.

    'running shoe' 3: 3^2 = 9. 'red running' 2.5: overlaps it, left out. 'running' 2: its second
    place is free, its token is covered: 2^2 * (1 - 0.8) = 0.8. 'red' 1: 1. 'for running' 0.5:
    overlaps 'running'. 'boot' 4 does not occur. Together 10.8.
    """
    red, running, shoe, for_, boot = range(2, 7)
    weights = {(running, shoe): 3.0, (red, running): 2.5, (running,): 2.0, (red,): 1.0,
               (for_, running): 0.5, (boot,): 4.0}
    scores, best = score([[red, running, shoe, for_, running], [for_, boot, boot]], weights,
                         alpha=2.0, beta=0.8)
    np.testing.assert_allclose(scores, [10.8, 16.0])
    assert best == [(running, shoe), (boot,)]


def test_overlapping_repeats_take_their_places_from_left_to_right():
    # In 'a a a' the heavier 'a a' takes the first two; what is left is the last 'a'.
    scores, _ = score([[2, 2, 2], [2, 2]], {(2, 2): 3.0, (2,): 1.0}, alpha=1.0, beta=0.5)
    np.testing.assert_allclose(scores, [3.5, 3.0])


@given(weighed)
def test_ngrams_are_taken_by_falling_weight_then_by_rising_tokens(weights):
    ngrams = list(weights)
    order = heaviest_first(np.array(list(weights.values())), rows_of(ngrams))
    assert [ngrams[i] for i in order] == sorted(ngrams, key=lambda n: (-weights[n], n))


@pytest.mark.parametrize("changes", [{"alpha": 0}, {"beta": 1.1}, {"beta": -0.1},
                                     {"smoothing": -1}, {"max_hits": 0}, {"max_scored": 0}])
def test_settings_out_of_range_are_refused(changes):
    with pytest.raises(ValueError, match="beta"):
        IntersectiveSettings(**changes)
