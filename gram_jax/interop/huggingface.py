"""The model's parameters as `transformers` has them: the names and layouts of T5's family.

Knows names and arrays; imports neither torch nor transformers. Our kernels are [in, out], torch's
weights [out, in]; one table says which array is which and which way round it lies.

    import torch, transformers
    from gram_jax.interop.huggingface_config import t5_config_fields

    weights = {name: torch.from_numpy(array) for name, array in state_dict(params, config).items()}
    model = transformers.T5ForConditionalGeneration.from_pretrained(
        None, config=transformers.T5Config(**t5_config_fields(config)), state_dict=weights)

`from_pretrained` and not `load_state_dict`: transformers 5 builds every T5 with logits tied to the
embedding and unties them only where it loads weights that differ.
"""

import functools
import operator
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.models.config import ModelConfig
from gram_jax.models.layer_stacking import unstack_layers
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

_MLPS = {"gated-gelu": ("wi_0", "wi_1", "wo"), "relu": ("wi", "wo")}
_SHARED, _HEAD = "shared.weight", "lm_head.weight"
_COPIES = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
"""Other names of the shared embedding; a file has one or more of the three."""
_UNUSED = ("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",)
"""Of T5's first files, in which nothing reads it."""


def weight_names(config: ModelConfig) -> dict[str, Weight]:
    """For the path of every parameter of a model ('encoder/...'), the weight that it is.

    Raises:
      ConfigError: T5 has no such model: its encoder is BERT's, or it has fewer logits than tokens.
    """
    if config.encoder is not None or config.output_vocab_size != config.vocab_size:
        raise ConfigError("transformers' T5 has an encoder of its own and a logit for every token; "
                          "a model with BERT's encoder or fewer logits has no form there")
    names = {"token_embedder/embedding": Weight(_SHARED, False)}
    if not config.tie_embeddings:
        names["decoder/logits_dense/kernel"] = Weight(_HEAD, True)
    for stack, num_layers in (("encoder", config.num_encoder_layers),
                              ("decoder", config.num_decoder_layers)):
        names[f"{stack}/{stack}_norm/scale"] = Weight(f"{stack}.final_layer_norm.weight", False)
        # Where all layers share a bias, it is the first's that transformers keeps.
        biases = {f"{stack}/layers_{layer}" if config.per_layer_relative_bias else stack: layer
                  for layer in range(num_layers if config.per_layer_relative_bias else 1)}
        for place, layer in biases.items():
            names[f"{place}/relpos_bias/rel_embedding"] = Weight(
                f"{stack}.block.{layer}.layer.0.SelfAttention.relative_attention_bias.weight", True)
        for layer in range(num_layers):
            names |= _layer_names(stack, layer, _MLPS[config.feed_forward])
    return names


def _layer_names(stack: str, layer: int, mlp: tuple[str, ...]) -> dict[str, Weight]:
    names = {}
    for part, (our_norm, ours, theirs) in enumerate(_SUBLAYERS[stack]):
        our_place, their_place = f"{stack}/layers_{layer}", f"{stack}.block.{layer}.layer.{part}"
        names[f"{our_place}/{our_norm}/scale"] = Weight(f"{their_place}.layer_norm.weight", False)
        kernels = {name: name for name in mlp} if ours == "mlp" else _PROJECTIONS
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
    params = unstack_layers(params)
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


def params_of_state_dict(
    weights: Mapping[str, np.ndarray], config: ModelConfig
) -> dict[str, np.ndarray]:
    """The inverse of `state_dict`.

    Args:
      weights: the arrays of a file, under transformers' names.
      config: of the model that they are.

    Returns:
      Float32 arrays by their paths, such as 'encoder/...'; half-precision arrays are widened, which
      loses nothing.

    Raises:
      ArtifactError: a weight is missing or is not one of this model's; the message names it.
    """
    weights = dict(weights)
    copies = [weights.pop(name) for name in _COPIES if name in weights]
    if _SHARED not in weights and copies:
        weights[_SHARED] = copies[0]
    names = weight_names(config)
    known = {weight.name for weight in names.values()} | set(_UNUSED)
    if missing := [f"{weight.name}, which is to be {path}" for path, weight in names.items()
                   if weight.name not in weights]:
        raise ArtifactError(f"these weights lack {_few(missing)}")
    if unknown := sorted(weights.keys() - known):
        raise ArtifactError(f"these weights hold {_few(unknown)}, which a model of this config "
                            "does not have")
    return {path: _turned(np.asarray(weights[weight.name], np.float32), weight)
            for path, weight in names.items()}


def has_own_logits(names: Mapping[str, Any]) -> bool:
    """Whether weights of these names have a table of logits beside the embedding."""
    return _HEAD in names


def embedding_rows(shapes: Mapping[str, tuple[int, ...]]) -> int | None:
    """How many tokens the embedding among weights of these shapes has; None where there is none."""
    return next((shapes[name][0] for name in (_SHARED, *_COPIES) if name in shapes), None)


def _turned(array: np.ndarray, weight: Weight) -> np.ndarray:
    return np.ascontiguousarray(array.T if weight.transposed else array)


def _few(names: list[str]) -> str:
    return "; ".join(names[:3]) + (f"; and {len(names) - 3} more" if len(names) > 3 else "")
