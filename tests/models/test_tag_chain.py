"""The dynamic programs agree with a sum and a maximum over every sequence there is."""

import itertools

import jax
import numpy as np
import pytest

from gram_jax.attributes.tags import TagSet
from gram_jax.models.tag_chain import (
    MASKED,
    best_sequence,
    log_normalizer,
    sequence_score,
    tag_log_probs,
)

NUM_TAGS, LENGTH = 3, 5


def score(emissions, transitions, tags):
    before = (len(transitions) - 1, *tags[:-1])
    return sum(emissions[at, tag] + transitions[one, tag]
               for at, (one, tag) in enumerate(zip(before, tags)))


def every_sequence(emissions, transitions, length):
    """(tags, score) of all sequences of a length."""
    sequences = list(itertools.product(range(emissions.shape[-1]), repeat=length))
    return sequences, np.array([score(emissions, transitions, tags) for tags in sequences])


@pytest.fixture(scope="module", params=range(3))
def chain(request):
    rng = np.random.default_rng(request.param)
    emissions = rng.normal(size=(4, LENGTH, NUM_TAGS), scale=2).astype(np.float32)
    transitions = rng.normal(size=(NUM_TAGS + 1, NUM_TAGS)).astype(np.float32)
    transitions[0, 1] = MASKED
    return emissions, transitions, np.array([1, 2, 4, 5], np.int32)


def test_the_normalizer_is_the_sum_over_all_sequences(chain):
    emissions, transitions, lengths = chain
    expected = [np.logaddexp.reduce(every_sequence(row, transitions, length)[1])
                for row, length in zip(emissions, lengths)]
    np.testing.assert_allclose(log_normalizer(*chain), expected, rtol=1e-5)


def test_the_best_sequence_is_the_best_of_all(chain):
    emissions, transitions, lengths = chain
    tags, scores = best_sequence(*chain)
    for row, length, found, reached in zip(emissions, lengths, np.asarray(tags), scores):
        sequences, all_scores = every_sequence(row, transitions, length)
        assert tuple(found[:length]) == sequences[all_scores.argmax()]
        assert not found[length:].any()
        np.testing.assert_allclose(reached, all_scores.max(), rtol=1e-5)


def test_the_score_of_a_sequence_is_the_sum_of_its_steps(chain):
    emissions, transitions, lengths = chain
    tags = np.random.default_rng(1).integers(0, NUM_TAGS, (4, LENGTH)).astype(np.int32)
    expected = [score(row, transitions, of_row[:length])
                for row, of_row, length in zip(emissions, tags, lengths)]
    np.testing.assert_allclose(
        sequence_score(emissions, transitions, tags, lengths), expected, rtol=1e-4)


def test_probabilities_of_tags_are_shares_of_all_sequences(chain):
    emissions, transitions, lengths = chain
    found = np.exp(tag_log_probs(*chain))
    for row, length, of_row in zip(emissions, lengths, found):
        sequences, scores = every_sequence(row, transitions, length)
        shares = np.exp(scores - np.logaddexp.reduce(scores))
        for place, tag in itertools.product(range(length), range(NUM_TAGS)):
            expected = sum(share for tags, share in zip(sequences, shares) if tags[place] == tag)
            np.testing.assert_allclose(of_row[place, tag], expected, atol=1e-5)


def test_decoded_sequences_are_always_valid_however_wild_the_scores():
    tag_set = TagSet(("brand", "color"))
    mask = np.where(tag_set.allowed, 0, MASKED).astype(np.float32)
    rng = np.random.default_rng(0)
    for scale in (1, 30, 300):
        emissions = rng.normal(size=(16, 12, tag_set.num_tags), scale=scale).astype(np.float32)
        lengths = rng.integers(1, 13, 16).astype(np.int32)
        tags, _ = best_sequence(emissions, mask, lengths)
        for row, length in zip(np.asarray(tags), lengths):
            tag_set.spans_of(row[:length])  # raises where an I continues nothing


def test_long_texts_keep_finite_gradients():
    rng = np.random.default_rng(0)
    emissions = rng.normal(size=(2, 300, 5), scale=20).astype(np.float32)
    transitions = np.where(TagSet(("a", "b")).allowed, 0, MASKED).astype(np.float32)
    lengths = np.array([300, 7], np.int32)
    value, grads = jax.value_and_grad(
        lambda pair: log_normalizer(*pair, lengths).sum())((emissions, transitions))
    assert np.isfinite(value) and all(np.isfinite(grad).all() for grad in grads)
