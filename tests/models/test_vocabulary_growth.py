"""A grown model says of the ids it had what it said before, and has room for the new ones."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gram_jax.core.errors import ConfigError
from gram_jax.models.config import BertConfig
from gram_jax.models.params import abstract_params, bind
from gram_jax.models.vocabulary_growth import grow_vocabulary
from gram_jax.testing.tiny_model import tiny_config, tiny_params

OLD, NEW = jnp.array([[5, 9, 1, 0]]), jnp.array([[26, 9, 1, 0]])


@functools.partial(jax.jit, static_argnums=0)
def logits(config, params, tokens):
    return bind(config, params)(tokens, tokens)


@pytest.mark.parametrize("tied", [False, True])
def test_logits_of_old_ids_stay_and_new_ones_are_drawn(tied):
    config = tiny_config(20, tie_embeddings=tied)
    params = tiny_params(config, seed=1)
    grown, more = grow_vocabulary(config, params, vocab_size=27, seed=2)
    assert (grown.vocab_size, grown.output_vocab_size) == (27, 27)
    assert jax.tree.map(jnp.shape, more) == jax.tree.map(lambda leaf: leaf.shape,
                                                         abstract_params(grown))
    before, after = logits(config, params, OLD), logits(grown, more, OLD)
    np.testing.assert_allclose(after[..., :20], before, atol=1e-5)
    new_rows = np.asarray(more["token_embedder"]["embedding"])[20:]
    assert np.all(new_rows.std(axis=1) > 0) and len(np.unique(new_rows, axis=0)) == 7
    after = logits(grown, more, NEW)
    assert np.isfinite(after).all() and after.shape == (1, 4, 27)


def test_spare_rows_are_used_first():
    config = tiny_config(20)
    params = tiny_params(config)
    assert grow_vocabulary(config, params, vocab_size=18, seed=0) == (config, params)


@pytest.mark.parametrize("config", [
    tiny_config(20, output_vocab_size=12),
    tiny_config(20, encoder=BertConfig(d_ff=32, num_heads=2))])
def test_a_decoder_with_ids_of_its_own_is_refused(config):
    with pytest.raises(ConfigError, match="before the model is trained"):
        grow_vocabulary(config, {}, vocab_size=30, seed=0)
