"""Code log-probabilities equal the log-softmax of a forward pass on each code alone."""

import jax
import numpy as np

from gram_jax.models.params import bind
from gram_jax.models.teacher_forcing import code_token_log_probs
from gram_jax.testing.tiny_model import tiny_config, tiny_params

CONFIG = tiny_config(num_decoder_layers=2)
EOS = 1


@jax.jit
def log_probs(params, texts, codes):
    return code_token_log_probs(bind(CONFIG, params), texts, codes)


@jax.jit
def log_softmax(params, text, inputs):
    return jax.nn.log_softmax(bind(CONFIG, params)(text, inputs))


def sample():
    rng = np.random.default_rng(0)
    texts = rng.integers(2, 64, (3, 6)).astype(np.int32)
    texts[1, 3:] = 0
    codes = rng.integers(2, 64, (3, 4, 5)).astype(np.int32)
    lengths = rng.integers(0, 5, (3, 4))
    lengths[0] = [0, 1, 2, 4]
    position = np.arange(5)
    codes = np.where(position == lengths[..., None], EOS, codes)
    return texts, np.where(position > lengths[..., None], 0, codes)


def test_they_equal_log_softmax_of_the_full_forward_pass():
    params = tiny_params(CONFIG)
    texts, codes = sample()
    codes[2, 3] = 0  # a whole code of padding
    found = log_probs(params, texts, codes)
    for row, code in np.ndindex(3, 4):
        tokens = codes[row, code]
        inputs = np.concatenate([[0], tokens[:-1]]).astype(np.int32)
        expected = log_softmax(params, texts[row][None], inputs[None])[0]
        expected = np.where(tokens > 0, np.asarray(expected)[np.arange(5), tokens], 0.0)
        np.testing.assert_allclose(found[row, code], expected, atol=2e-5)
    assert (found <= 0.0).all()


def test_codes_of_a_text_do_not_see_each_other():
    params = tiny_params(CONFIG)
    texts, codes = sample()
    before = log_probs(params, texts, codes)
    changed = codes.copy()
    changed[:, 2] = np.roll(codes[:, 2], 1, axis=0)
    after = log_probs(params, texts, changed)
    np.testing.assert_allclose(np.delete(after, 2, axis=1), np.delete(before, 2, axis=1), atol=1e-6)


def test_all_one_token_codes_and_their_complement_have_probability_one():
    """Over every first token of the vocabulary, the probabilities of a code's start sum to 1."""
    params = tiny_params(CONFIG)
    texts = np.full((1, 6), 7, np.int32)
    starts = np.arange(1, 64, dtype=np.int32).reshape(1, 63, 1)
    pad = log_softmax(params, texts, np.zeros((1, 1), np.int32))[0, 0, 0]
    total = np.exp(log_probs(params, texts, starts)).sum() + np.exp(pad)
    np.testing.assert_allclose(total, 1.0, rtol=1e-5)
