"""Step by step with a cache equals all at once, however the beams are exchanged."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.models.cached_decoder import CachedDecoder
from gram_jax.models.params import bind
from gram_jax.testing.tiny_bert import tiny_bert_config
from gram_jax.testing.tiny_model import tiny_config, tiny_params

BATCH, BEAM, LENGTH, VOCAB = 2, 3, 5, 64


CONFIGS = {
    "untied": tiny_config(VOCAB, num_decoder_layers=2),
    "tied": tiny_config(VOCAB, num_decoder_layers=2, tie_embeddings=True),
    "a bias a layer": tiny_config(VOCAB, num_decoder_layers=2, per_layer_relative_bias=True,
                                  feed_forward="relu"),
    "bert": tiny_bert_config(num_decoder_layers=2, output_vocab_size=VOCAB),
}


@pytest.fixture(scope="module", params=CONFIGS)
def decoder(request):
    return CachedDecoder(CONFIGS[request.param], tiny_params(CONFIGS[request.param]))


@jax.jit
def prefill(decoder, texts):
    """A cache of BEAM beams, all of them the empty prefix."""
    cache = decoder.prefill(texts, max_length=LENGTH + 2, max_beams=BEAM)
    return decoder.reorder(cache, np.zeros((BATCH, BEAM), np.int32))


@jax.jit
def step(decoder, cache, tokens, position):
    return decoder.step(cache, tokens, position)


@jax.jit
def reorder(decoder, cache, parents):
    return decoder.reorder(cache, parents)


@jax.jit
def full_logits(decoder, texts, inputs):
    model = bind(decoder.config, decoder.params)
    return model.decode(model.encode(texts), texts, inputs.reshape(BATCH * BEAM, -1))


def sampled_texts(seed):
    texts = np.random.default_rng(seed).integers(1, VOCAB, (BATCH, 6)).astype(np.int32)
    texts[0, 4:] = 0
    return texts


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_steps_with_any_exchange_of_beams_equal_teacher_forcing(decoder, seed):
    rng = np.random.default_rng(seed)
    texts = sampled_texts(seed)
    cache = prefill(decoder, texts)
    # What each beam has been fed, exchanged on the host just as the cache is on the device.
    history = np.zeros((BATCH, BEAM, 0), np.int32)
    position = 0
    while position < LENGTH:
        num = min(int(rng.integers(1, 4)), LENGTH - position)
        tokens = rng.integers(1, VOCAB, (BATCH, BEAM, num)).astype(np.int32)
        tokens[:, :, 0] *= position > 0
        history = np.concatenate([history, tokens], axis=2)
        found, cache = step(decoder, cache, tokens, position)
        padded = np.pad(history, ((0, 0), (0, 0), (0, LENGTH - position - num)))
        expected = full_logits(decoder, texts, padded)[:, position:position + num]
        np.testing.assert_allclose(
            found, expected.reshape(BATCH, BEAM, num, VOCAB), atol=2e-5, err_msg=f"at {position}"
        )
        position += num
        parents = rng.integers(0, BEAM, (BATCH, BEAM)).astype(np.int32)
        cache = reorder(decoder, cache, parents)
        history = np.take_along_axis(history, parents[..., None], axis=1)


def test_reordering_by_identity_changes_nothing(decoder):
    cache = prefill(decoder, sampled_texts(0))
    _, cache = step(decoder, cache, np.zeros((BATCH, BEAM, 1), np.int32), 0)
    same = reorder(decoder, cache, np.tile(np.arange(BEAM, dtype=np.int32), (BATCH, 1)))
    jax.tree.map(np.testing.assert_array_equal, same, cache)


def test_the_encoded_text_is_held_once_for_all_beams(decoder):
    one, many = (
        jax.eval_shape(
            lambda d, t, n=n: d.reorder(d.prefill(t, max_length=4, max_beams=n),
                                        np.zeros((BATCH, n), np.int32)),
            decoder, sampled_texts(0))
        for n in (1, 50)
    )
    assert jax.tree.map(lambda a: a.shape, one.encoded) == jax.tree.map(
        lambda a: a.shape, many.encoded
    )


def test_a_decoder_is_a_pytree_whose_config_is_static(decoder):
    leaves, structure = jax.tree.flatten(decoder)
    assert len(leaves) == len(jax.tree.leaves(decoder.params))
    assert jax.tree.unflatten(structure, leaves).config == decoder.config


def test_a_step_costs_one_matrix_product_for_all_logits(decoder):
    cache = prefill(decoder, sampled_texts(0))
    jaxpr = str(jax.make_jaxpr(lambda c, t: decoder.step(c, t, 0)[0])(
        cache, np.zeros((BATCH, BEAM, 1), np.int32)
    ))
    assert jaxpr.count(f"f32[{BATCH * BEAM},{VOCAB}] = dot_general") == 1
