"""The table of names covers the model, and arrays lie as torch wants them."""

import jax
import numpy as np
import pytest

from gram_jax.core.errors import ConfigError
from gram_jax.interop.huggingface import state_dict, weight_names
from gram_jax.interop.huggingface_config import t5_config_fields
from gram_jax.testing.tiny_bert import tiny_bert_config
from gram_jax.testing.tiny_model import tiny_config, tiny_params

CONFIGS = [tiny_config(num_decoder_layers=2), tiny_config(tie_embeddings=True, head_dim=4),
           tiny_config(feed_forward="relu"),
           tiny_config(per_layer_relative_bias=True, num_encoder_layers=2, num_decoder_layers=3)]


@pytest.mark.parametrize("config", CONFIGS)
def test_every_parameter_is_one_weight(config):
    paths = {"/".join(key.key for key in path)
             for path, _ in jax.tree_util.tree_leaves_with_path(tiny_params(config))}
    names = weight_names(config)
    assert names.keys() == paths
    assert len({weight.name for weight in names.values()}) == len(names)


@pytest.mark.parametrize("config", CONFIGS)
def test_kernels_are_turned_and_the_rest_is_not(config):
    params = tiny_params(config)
    weights = state_dict(params, config)
    mlp = params["decoder"]["layers_0"]["mlp"]
    np.testing.assert_array_equal(
        weights["decoder.block.0.layer.2.DenseReluDense.wo.weight"], mlp["wo"]["kernel"].T)
    np.testing.assert_array_equal(weights["shared.weight"], params["token_embedder"]["embedding"])
    assert ("lm_head.weight" in weights) != config.tie_embeddings
    assert t5_config_fields(config)["tie_word_embeddings"] == config.tie_embeddings
    for array in weights.values():
        assert array.dtype == np.float32 and array.flags.c_contiguous and array.flags.writeable


def test_parameters_of_another_model_are_refused():
    with pytest.raises(ValueError, match="arrays of parameters"):
        state_dict(tiny_params(CONFIGS[0]), CONFIGS[1])
    params = tiny_params(CONFIGS[0])
    params["encoder"]["renamed"] = params["encoder"].pop("encoder_norm")
    with pytest.raises(ValueError, match="no encoder/encoder_norm/scale"):
        state_dict(params, CONFIGS[0])


@pytest.mark.parametrize("config", [tiny_bert_config(), tiny_config(output_vocab_size=9)])
def test_a_model_that_t5_is_not_is_refused(config):
    with pytest.raises(ConfigError, match="no form there"):
        state_dict(tiny_params(config), config)
