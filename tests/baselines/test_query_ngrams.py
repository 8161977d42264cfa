"""The words of a query that stand in titles, with the probabilities that the model gives them."""

import functools

import jax
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.baselines.ngram_table import NgramTable
from gram_jax.baselines.query_ngrams import ngram_log_probs, occurring_word_runs
from gram_jax.models.cached_decoder import CachedDecoder
from gram_jax.testing.numeral_vocabulary import NumeralVocabulary
from gram_jax.testing.plain_ngrams import occurring_ngrams
from gram_jax.testing.tiny_model import tiny_config, tiny_params

VOCABULARY, MAX_TOKENS = NumeralVocabulary(), 3
texts_of_numbers = st.lists(
    st.lists(st.integers(1, 5).map(str), max_size=6).map(" ".join), max_size=5)


@given(texts_of_numbers, texts_of_numbers, st.integers(0, 5))
def test_runs_are_those_of_at_most_so_many_words_that_occur(titles, texts, max_words):
    titles = VOCABULARY.encode(titles)
    table = NgramTable.build(titles, vocab_size=64, max_tokens=MAX_TOKENS)
    found = occurring_word_runs(table, VOCABULARY, texts, max_words=max_words)
    assert len(found) == len(texts)
    for text, rows in zip(texts, found):
        runs = [tuple(row[row != 0].tolist()) for row in rows]
        held = occurring_ngrams(VOCABULARY.encode([text]), max_words)
        assert len(set(runs)) == len(runs)
        assert set(runs) == held & occurring_ngrams(titles, MAX_TOKENS)


def test_runs_that_are_spelled_alike_are_one():
    table = NgramTable.build([[3, 4]], vocab_size=64, max_tokens=MAX_TOKENS)
    found, = occurring_word_runs(table, VOCABULARY, ["1 shoe 2"], max_words=3)
    assert found.tolist() == [[3, 0, 0], [3, 4, 0], [4, 0, 0]]


def test_probabilities_are_those_of_decoding_token_by_token():
    config = tiny_config()
    params = tiny_params(config)
    rows = np.array([[5, 6, 1, 0], [7, 1, 0, 0], [0, 0, 0, 0]], np.int32)
    ngrams = [np.array([[3, 4, 5], [9, 0, 0]], np.int32), np.array([[8, 8, 0]], np.int32)]
    found = ngram_log_probs(config, params, rows, ngrams)
    assert [len(log_probs) for log_probs in found] == [2, 1]
    decoder = CachedDecoder(config, params)
    prefill = jax.jit(functools.partial(CachedDecoder.prefill, max_length=3, max_beams=1))
    step = jax.jit(CachedDecoder.step)
    for row, its_ngrams, log_probs in zip(rows, ngrams, found):
        for ngram, log_prob in zip(its_ngrams, log_probs):
            cache, last, expected = prefill(decoder, row[None]), 0, 0.0
            for position, token in enumerate(ngram[ngram != 0].tolist()):
                logits, cache = step(decoder, cache, np.full((1, 1, 1), last), position)
                logits = np.asarray(logits[0, 0, 0], np.float64)
                expected, last = expected + logits[token] - np.logaddexp.reduce(logits), token
            np.testing.assert_allclose(log_prob, expected, rtol=1e-4)


def test_nothing_to_score_is_no_work():
    none = [np.zeros((0, MAX_TOKENS), np.int32)] * 2
    found = ngram_log_probs(tiny_config(), None, np.zeros((2, 4), np.int32), none)
    assert [log_probs.shape for log_probs in found] == [(0,), (0,)]
