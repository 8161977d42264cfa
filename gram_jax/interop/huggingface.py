"""The model as `transformers` has it: T5 1.1 with its names, its layouts and its config.

Knows names and arrays; imports neither torch nor transformers. Our kernels are [in, out], torch's
weights [out, in]; one table says which array is which and which way round it lies.

    import torch, transformers
    weights = {name: torch.from_numpy(array) for name, array in state_dict(params, config).items()}
    model = transformers.T5ForConditionalGeneration.from_pretrained(
        None, config=transformers.T5Config(**t5_config_fields(config)), state_dict=weights)

`from_pretrained` and not `load_state_dict`: transformers 5 builds every T5 with logits tied to the
embedding and unties them only where it loads weights that differ.
"""

import functools
import operator
from typing import Any, NamedTuple

import jax
import numpy as np

from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params


class Weight(NamedTuple):
    """Where a parameter lies in a state dict."""

    name: str
    transposed: bool


_PROJECTIONS = {"query": "q", "key": "k", "value": "v", "out": "o"}
_SUBLAYERS = {
    "encoder": (("pre_attention_layer_norm", "attention", "SelfAttention"),
                ("pre_mlp_layer_norm", "mlp", "DenseReluDense")),
    "decoder": (("pre_self_attention_layer_norm", "self_attention", "SelfAttention"),
                ("pre_cross_attention_layer_norm", "encoder_decoder_attention", "EncDecAttention"),
                ("pre_mlp_layer_norm", "mlp", "DenseReluDense")),
}
"""The parts of a layer in order: our norm, our module, their module."""


def weight_names(config: ModelConfig) -> dict[str, Weight]:
    """For the path of every parameter of a model ('encoder/...'), the weight that it is."""
    names = {"token_embedder/embedding": Weight("shared.weight", False)}
    if not config.tie_embeddings:
        names["decoder/logits_dense/kernel"] = Weight("lm_head.weight", True)
    for stack, num_layers in (("encoder", config.num_encoder_layers),
                              ("decoder", config.num_decoder_layers)):
        names[f"{stack}/{stack}_norm/scale"] = Weight(f"{stack}.final_layer_norm.weight", False)
        # All layers share the bias of the first, which is where transformers keeps it.
        names[f"{stack}/relpos_bias/rel_embedding"] = Weight(
            f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight", True)
        for layer in range(num_layers):
            names |= _layer_names(stack, layer)
    return names


def _layer_names(stack: str, layer: int) -> dict[str, Weight]:
    names = {}
    for part, (our_norm, ours, theirs) in enumerate(_SUBLAYERS[stack]):
        our_place, their_place = f"{stack}/layers_{layer}", f"{stack}.block.{layer}.layer.{part}"
        names[f"{our_place}/{our_norm}/scale"] = Weight(f"{their_place}.layer_norm.weight", False)
        kernels = {"wi_0": "wi_0", "wi_1": "wi_1", "wo": "wo"} if ours == "mlp" else _PROJECTIONS
        for our_kernel, their_kernel in kernels.items():
            names[f"{our_place}/{ours}/{our_kernel}/kernel"] = Weight(
                f"{their_place}.{theirs}.{their_kernel}.weight", True)
    return names


def state_dict(params: Params, config: ModelConfig) -> dict[str, np.ndarray]:
    """The parameters under the names and in the layouts of `T5ForConditionalGeneration`.

    Args:
      params: the model's parameters.
      config: its sizes.

    Returns:
      Contiguous float32 arrays, each once: tied logits and the copies of the embedding that
      transformers lists under other names are left out, as in the files that it writes.

    Raises:
      ValueError: the parameters are not those of a model of this config.
    """
    names = weight_names(config)
    if len(jax.tree.leaves(params)) != len(names):
        raise ValueError(f"these are {len(jax.tree.leaves(params))} arrays of parameters; a model "
                         f"of this config has {len(names)}")
    weights = {}
    for path, weight in names.items():
        array = np.asarray(_at(params, path), np.float32)
        # A copy even where nothing is turned: arrays of JAX are read-only, which torch is not.
        weights[weight.name] = np.array(array.T if weight.transposed else array, order="C")
    return weights


def _at(params: Params, path: str) -> Any:
    try:
        return functools.reduce(operator.getitem, path.split("/"), params)
    except KeyError:
        raise ValueError(f"these parameters have no {path}, which the config needs") from None


def t5_config_fields(config: ModelConfig, *, eos_id: int = 1) -> dict[str, Any]:
    """What `transformers.T5Config` is to be called with.

    Args:
      config: the model's sizes.
      eos_id: the token that ends a sequence.

    Returns:
      Keyword arguments. `tie_word_embeddings` also decides whether transformers scales the hidden
      states by d_model ** -0.5 before the logits, as tied models do here.
    """
    return {
        "vocab_size": config.vocab_size,
        "d_model": config.d_model,
        "d_ff": config.d_ff,
        "num_heads": config.num_heads,
        "d_kv": config.head_dim,
        "num_layers": config.num_encoder_layers,
        "num_decoder_layers": config.num_decoder_layers,
        "relative_attention_num_buckets": config.num_relative_buckets,
        "relative_attention_max_distance": config.max_relative_distance,
        "dropout_rate": config.dropout_rate,
        "layer_norm_epsilon": 1e-6,
        "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": config.tie_embeddings,
        "pad_token_id": 0,
        "eos_token_id": eos_id,
        "decoder_start_token_id": 0,
    }
