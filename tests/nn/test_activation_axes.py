"""What a trainer is told of activations, and that nobody else is."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest

from gram_jax.models.objectives import code_generation_objective
from gram_jax.models.params import abstract_params
from gram_jax.nn.activation_axes import constrain_axes, constraining
from gram_jax.testing.seekable_batches import SeekableBatches
from gram_jax.testing.tiny_bert import tiny_bert_config
from gram_jax.testing.tiny_model import tiny_config

_T5 = tiny_config(num_encoder_layers=2, vocab_size=48)


@pytest.mark.parametrize("config", [
    _T5, dataclasses.replace(_T5, scan_layers=True, remat="full"),
    dataclasses.replace(_T5, tie_embeddings=True, max_logit_tokens=8),
    tiny_bert_config(vocab_size=48, output_vocab_size=48)])
def test_rows_of_activations_and_columns_of_logits_are_named(config):
    told = []

    def record(array, axes):
        assert len(axes) == array.ndim
        told.append((axes, array.shape))
        return array

    def loss(params):
        with constraining(record):
            batch = next(SeekableBatches(batch_size=4, length=6, vocab_size=48))
            return code_generation_objective(config)(params, batch, None).loss_sum

    jax.eval_shape(jax.grad(loss), abstract_params(config))
    rows = [shape for axes, shape in told if axes == ("batch", None, None)]
    assert set(rows) == {(4, 6, config.d_model)}
    # Into each stack and out of its layers; a scan names the one that stands for all.
    assert len(rows) >= (4 if config.scan_layers else 2 + config.num_encoder_layers + 1)
    logits = [shape for axes, shape in told if axes[0] == "batch" and axes[-1] == "vocab"]
    chunked = config.max_logit_tokens is not None
    assert set(logits) == {(8, 48) if chunked else (4, 6, 48)}
    tables = {axes[0] for axes, shape in told if shape == (48, config.d_model)}
    assert tables and tables <= {"vocab", "words"}


def test_it_lasts_as_long_as_it_is_asked_for():
    array = jnp.ones((2, 3))
    with constraining(lambda array, axes: (array, axes)):
        assert constrain_axes(array, "batch") == (array, ("batch", None))
        with constraining(None):
            assert constrain_axes(array, "batch") is array
    assert constrain_axes(array, "batch") is array
