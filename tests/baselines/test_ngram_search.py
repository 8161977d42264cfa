"""The search finds the n-grams that a plain one finds, and none that does not occur."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.baselines.ngram_search import search_ngrams
from gram_jax.baselines.ngram_table import NgramTable
from gram_jax.testing.plain_ngrams import occurring_ngrams, plain_ngram_search
from gram_jax.testing.scripted_logits import ScriptedLogits

EOS_ID, VOCAB_SIZE, MAX_TOKENS = 1, 10, 3
MAX_NGRAMS = 40  # of one length: more than any of these catalogues has
ROUNDING = 5e-5

# One shape for all examples, so that they share compilations.
catalogues = st.lists(st.lists(st.integers(2, VOCAB_SIZE - 1), max_size=6), max_size=6)
queries = st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=3), min_size=2, max_size=2)
seeds = st.integers(0, 2**31 - 1)


def search(titles, queries, decoder, *, max_tokens=MAX_TOKENS, **sizes):
    """For each query its n-grams and their log-probabilities, in the order they came in."""
    table = NgramTable.build(titles, vocab_size=VOCAB_SIZE, max_tokens=MAX_TOKENS)
    rows = np.zeros((len(queries), 3), np.int32)
    for row, query in zip(rows, queries):
        row[:len(query)] = query
    found = jax.device_get(search_ngrams(decoder, table.trie(eos_id=EOS_ID), rows,
                                         max_tokens=max_tokens, **sizes))
    assert not found.tokens[found.log_probs == -np.inf].any()
    return [[(tuple(ngram[ngram != 0].tolist()), float(log_prob))
             for ngram, log_prob in zip(*row) if log_prob > -np.inf]
            for row in zip(found.tokens, found.log_probs)]


def plain(titles, query, decoder, **sizes):
    return plain_ngram_search(
        occurring_ngrams(titles, MAX_TOKENS),
        lambda prefix: decoder.log_probs_after(query, prefix), max_tokens=MAX_TOKENS, **sizes)


@given(catalogues, queries, seeds)
def test_with_enough_beams_every_ngram_that_occurs_is_found_once_with_its_probability(
        titles, queries, seed):
    decoder = ScriptedLogits(VOCAB_SIZE, seed=seed)
    for query, found in zip(queries, search(titles, queries, decoder, beam_size=MAX_NGRAMS)):
        assert len(dict(found)) == len(found)
        assert set(dict(found)) == occurring_ngrams(titles, MAX_TOKENS)
        for ngram, log_prob in found:
            forced = sum(decoder.log_probs_after(query, ngram[:i])[token]
                         for i, token in enumerate(ngram))
            assert log_prob == pytest.approx(forced, abs=ROUNDING)


@given(catalogues, queries, seeds, st.sampled_from([(1, 0), (3, 5)]))
def test_with_few_beams_what_is_found_is_what_a_plain_search_comes_by(
        titles, queries, seed, sizes):
    sizes = dict(zip(("beam_size", "num_unigrams"), sizes))
    decoder = ScriptedLogits(VOCAB_SIZE, seed=seed)
    for query, found in zip(queries, search(titles, queries, decoder, **sizes)):
        expected, margin = plain(titles, query, decoder, **sizes)
        assert len(dict(found)) == len(found)
        assert set(dict(found)) <= occurring_ngrams(titles, MAX_TOKENS)
        # A closer call than rounding may go either way.
        if margin > ROUNDING:
            assert dict(found) == pytest.approx(expected, abs=ROUNDING)


@given(catalogues, queries, seeds)
def test_ngrams_come_by_their_length_and_best_first_in_each(titles, queries, seed):
    decoder = ScriptedLogits(VOCAB_SIZE, seed=seed)
    for found in search(titles, queries, decoder, beam_size=3, num_unigrams=5):
        assert found == sorted(found, key=lambda pair: (len(pair[0]), -pair[1]))


def test_a_row_of_padding_gets_no_ngrams():
    decoder = ScriptedLogits(VOCAB_SIZE)
    nothing, something = search([[2, 3], [4]], [[], [7]], decoder, beam_size=3)
    assert nothing == [] and {ngram for ngram, _ in something} == {(2,), (3,), (4,), (2, 3)}


def test_unigrams_alone_need_no_second_step():
    decoder = ScriptedLogits(VOCAB_SIZE)
    found, = search([[2, 3], [4]], [[7]], decoder, beam_size=2, max_tokens=1)
    assert len(found) == 2 and {len(ngram) for ngram, _ in found} == {1}


def test_sizes_and_vocabularies_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="beam_size is 0"):
        search([[2]], [[7]], ScriptedLogits(VOCAB_SIZE), beam_size=0)
    with pytest.raises(ValueError, match="logits for 9"):
        search([[2]], [[7]], ScriptedLogits(VOCAB_SIZE - 1), beam_size=1)
