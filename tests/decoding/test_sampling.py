"""What is drawn follows the decoder's probabilities, cut to the most probable tokens."""

import functools

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.decoding.sampling import sample
from gram_jax.models.cached_decoder import CachedDecoder
from gram_jax.models.params import bind
from gram_jax.testing.scripted_logits import ScriptedLogits
from gram_jax.testing.tiny_model import tiny_config, tiny_params

EOS_ID, VOCAB_SIZE, LENGTH, FORBIDDEN = 1, 12, 6, (2,)
draw = functools.partial(sample, max_length=LENGTH, eos_id=EOS_ID, forbidden=FORBIDDEN)
QUERIES = np.array([[5, 9, 0], [7, 0, 0], [3, 3, 4]], np.int32)
NUMBERS = np.arange(3, dtype=np.int32)


def allowed_after(decoder, query, prefix, top_k):
    """The most probable tokens, most probable first, and their logits."""
    logits = decoder.logits_after([token for token in query if token], prefix).astype(float)
    logits[[0, *FORBIDDEN]] = -np.inf
    order = np.argsort(-logits, kind="stable")[:top_k]
    return order, logits[order]


def assert_ends_once(row):
    ends = np.flatnonzero(row == EOS_ID)
    length = ends[0] + 1 if len(ends) else LENGTH
    assert (row[:length] > 0).all() and not row[length:].any()
    return row[:length].tolist()


@settings(max_examples=20)
@given(st.integers(0, 2**31 - 1), st.integers(0, 99), st.sampled_from([1, 3]))
def test_every_token_is_among_the_most_probable_after_what_stands_before_it(script, seed, top_k):
    decoder = ScriptedLogits(VOCAB_SIZE, seed=script)
    found = np.asarray(draw(decoder, QUERIES, NUMBERS, seed, num_samples=4, top_k=top_k))
    assert found.shape == (3, 4, LENGTH)
    for query, rows in zip(QUERIES, found):
        for row in rows:
            tokens = assert_ends_once(row)
            for place, token in enumerate(tokens):
                allowed, _ = allowed_after(decoder, query, tokens[:place], top_k)
                assert token in allowed
                if top_k == 1:
                    assert token == allowed[0]


@pytest.mark.parametrize(("top_k", "temperature"), [(3, 1.0), (20, 0.5)])
def test_tokens_come_as_often_as_their_probabilities_say(top_k, temperature):
    decoder, count = ScriptedLogits(VOCAB_SIZE, seed=3, scale=3.0), 4000
    found = np.asarray(draw(decoder, QUERIES, NUMBERS, 0, num_samples=count, top_k=top_k,
                            temperature=temperature))

    def assert_as_often(query, prefix, tokens):
        allowed, logits = allowed_after(decoder, query, prefix, top_k)
        weights = np.exp((logits - logits.max()) / temperature)
        expected = np.zeros(VOCAB_SIZE)
        expected[allowed] = weights / weights.sum()
        found = np.bincount(tokens, minlength=VOCAB_SIZE) / len(tokens)
        # Some four standard deviations of a share.
        assert np.abs(found - expected).max() < 2.0 / np.sqrt(len(tokens))

    for query, rows in zip(QUERIES, found):
        assert_as_often(query, [], rows[:, 0])
        second = next(token for token in np.argsort(-np.bincount(rows[:, 0])) if token != EOS_ID)
        assert_as_often(query, [int(second)], rows[rows[:, 0] == second, 1])


def test_a_text_is_drawn_for_alike_in_any_company():
    decoder = ScriptedLogits(VOCAB_SIZE)
    together = np.asarray(draw(decoder, QUERIES, NUMBERS, 5, num_samples=4))
    order = np.array([2, 0, 1])
    np.testing.assert_array_equal(
        draw(decoder, QUERIES[order], NUMBERS[order], 5, num_samples=4), together[order])
    assert not np.array_equal(draw(decoder, QUERIES, NUMBERS, 6, num_samples=4), together)
    assert not np.array_equal(draw(decoder, QUERIES, NUMBERS + 3, 5, num_samples=4), together)
    np.testing.assert_array_equal(draw(decoder, QUERIES, NUMBERS, 5, num_samples=4), together)


def test_nothing_is_drawn_for_padding():
    rows = np.array([[0, 0], [4, 0]], np.int32)
    found = np.asarray(draw(ScriptedLogits(VOCAB_SIZE), rows, NUMBERS[:2], 0, num_samples=2))
    assert not found[0].any() and found[1].any()


def test_of_a_model_the_most_probable_is_what_teacher_forcing_ranks_first():
    config = tiny_config()
    params = tiny_params(config, seed=1)
    rows = np.array([[5, 9, 1], [7, 1, 0]], np.int32)
    found = np.asarray(sample(CachedDecoder(config, params), rows, NUMBERS[:2], 0, num_samples=2,
                              max_length=LENGTH, eos_id=EOS_ID, top_k=1))
    for row, samples in zip(rows, found):
        np.testing.assert_array_equal(samples[0], samples[1])
        tokens = assert_ends_once(samples[0])
        before = np.array([[0, *tokens[:-1]]], np.int32)
        logits = np.asarray(jax.jit(lambda row, before: bind(config, params)(row, before))(
            row[None], before))[0]
        assert tokens == (logits[:, 1:].argmax(axis=1) + 1).tolist()
