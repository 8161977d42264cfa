"""Ranked titles are those that a scan of all titles ranks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.baselines.intersective_score import IntersectiveSettings, ngram_weights
from gram_jax.baselines.ngram_ranking import rank_titles
from gram_jax.baselines.ngram_table import NgramTable
from gram_jax.testing.plain_ngrams import count_in, plain_intersective_score

MAX_TOKENS = 3
tokens = st.integers(2, 7)
catalogues = st.lists(st.lists(tokens, max_size=6), min_size=1, max_size=10)
found_ngrams = st.dictionaries(st.lists(tokens, min_size=1, max_size=MAX_TOKENS).map(tuple),
                               st.sampled_from([-0.01, -0.5, -1.0, -2.0, -4.0]), max_size=14)
all_settings = st.builds(IntersectiveSettings, smoothing=st.sampled_from([0.0, 0.5]),
                         max_hits=st.integers(1, 6), max_scored=st.integers(1, 8))


def rank(titles, found, *, k, settings):
    rows = np.zeros((len(found), MAX_TOKENS), np.int32)
    for row, ngram in zip(rows, found):
        row[:len(ngram)] = ngram
    table = NgramTable.build(titles, vocab_size=8, max_tokens=MAX_TOKENS)
    return rank_titles(table, rows, np.array(list(found.values())), k=k, settings=settings)


def plain_rank(titles, found, k, settings):
    """(title, score, n-gram) best first: two rounds over all titles."""
    counts = {ngram: count_in(titles, ngram) for ngram in found}
    weights = dict(zip(found, ngram_weights(
        np.array(list(found.values())), np.array(list(counts.values()), np.int64),
        sum(map(len, titles)), smoothing=settings.smoothing)))
    power = {"alpha": settings.alpha, "beta": settings.beta}

    def best_of(numbers, weights, most):
        scored = [(number, *plain_intersective_score(titles[number], weights, **power))
                  for number in numbers]
        return sorted((row for row in scored if row[1] > 0), key=lambda row: -row[1])[:most]

    rare = {ngram: weight for ngram, weight in weights.items()
            if counts[ngram] <= settings.max_hits}
    proposed = sorted(row[0] for row in best_of(range(len(titles)), rare, settings.max_scored))
    return best_of(proposed, weights, k)


@given(catalogues, found_ngrams, all_settings, st.integers(0, 10))
def test_the_best_titles_are_those_of_a_scan(titles, found, settings, k):
    ranked = rank(titles, found, k=k, settings=settings)
    expected = plain_rank(titles, found, k, settings)
    assert ranked.titles.tolist() == [row[0] for row in expected]
    np.testing.assert_allclose(ranked.scores, [row[1] for row in expected], rtol=1e-12)
    ngrams = list(found)
    assert [ngrams[i] for i in ranked.ngrams] == [row[2] for row in expected]


def test_frequent_ngrams_score_titles_but_propose_none():
    titles = [[2, 3], [2, 4], [2, 5]]
    found = {(2,): -0.1, (3,): -1.0}
    settings = IntersectiveSettings(smoothing=0.0, max_hits=2)
    ranked = rank(titles, found, k=9, settings=settings)
    assert ranked.titles.tolist() == [0]
    alone = rank(titles, {(3,): -1.0}, k=9, settings=settings)
    assert ranked.scores[0] > alone.scores[0]


@pytest.mark.parametrize("titles", [[], [[]], [[2, 3], []]])
def test_nothing_is_found_without_ngrams_or_without_titles(titles):
    for found in ({}, {(6, 7): -0.1}):
        assert not len(rank(titles, found, k=5, settings=IntersectiveSettings()).titles)
