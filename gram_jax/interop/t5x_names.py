"""T5X's names of parameters, which are ours: layers stacked and unstacked, sizes seen from shapes.

Knows arrays by their paths, not files. T5X has two forms. In t5 layers are apart and heads joined,
as here. In scalable_t5, where umT5 is at home, the layers of a stack are one module that has the
stack's name ('encoder/encoder/mlp/wo/kernel'), each of its arrays has an axis of layers behind the
first, and attention kernels have an axis of heads: [embed, layers, heads, head_dim] into the heads,
[heads, layers, head_dim, embed] out of them.
"""

import re
from collections.abc import Mapping

import numpy as np

from gram_jax.core.errors import ArtifactError
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import abstract_params, named_params

_LAYER_AXIS = 1
_STACKED = re.compile(r"(encoder|decoder)/\1/(.+)")
_LAYER = re.compile(r"(encoder|decoder)/layers_(\d+)/(.+)")
_KERNEL = re.compile(r".*attention/(query|key|value|out)/kernel")
_WORDS, _LOGITS = "token_embedder/embedding", "decoder/logits_dense/kernel"


def from_either_form(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays with layers apart and heads joined; views where nothing has to move."""
    found: dict[str, np.ndarray] = {}
    for path, array in arrays.items():
        if not (match := _STACKED.fullmatch(path)):
            found[path] = _joined(path, array)
            continue
        stack, rest = match.groups()
        for layer in range(array.shape[_LAYER_AXIS]):
            found[f"{stack}/layers_{layer}/{rest}"] = _joined(path, array[:, layer])
    return found


def _joined(path: str, array: np.ndarray) -> np.ndarray:
    match = _KERNEL.fullmatch(path)
    if match is None or array.ndim != 3:
        return array
    first, middle, last = array.shape
    return array.reshape((first * middle, last) if match[1] == "out" else (first, middle * last))


def _split(path: str, array: np.ndarray, num_heads: int) -> np.ndarray:
    match = _KERNEL.fullmatch(path)
    if match is None:
        return array
    return (array.reshape(num_heads, -1, array.shape[1]) if match[1] == "out"
            else array.reshape(array.shape[0], num_heads, -1))


def to_scalable_form(
    arrays: Mapping[str, np.ndarray], config: ModelConfig
) -> dict[str, np.ndarray]:
    """The arrays as scalable_t5 has them.

    A bias that all layers share becomes one for each: that form has no other.
    """
    counts = {"encoder": config.num_encoder_layers, "decoder": config.num_decoder_layers}
    found: dict[str, np.ndarray] = {}
    for path, array in arrays.items():
        if match := _LAYER.fullmatch(path):
            stack, layer, rest = match.groups()
            if layer == "0":
                found[f"{stack}/{stack}/{rest}"] = np.stack(
                    [_split(path, arrays[f"{stack}/layers_{i}/{rest}"], config.num_heads)
                     for i in range(counts[stack])], axis=_LAYER_AXIS)
        elif path.endswith("relpos_bias/rel_embedding"):
            stack = path.partition("/")[0]
            found[f"{stack}/{stack}/relpos_bias/rel_embedding"] = np.stack(
                [array] * counts[stack], axis=_LAYER_AXIS)
        else:
            found[path] = array
    return found


def config_of_shapes(shapes: Mapping[str, tuple[int, ...]], where: str) -> ModelConfig:
    """The sizes of the model whose arrays have these shapes.

    T5X reaches 128 positions with its relative bias in every model, and scales logits where they
    are tied.

    Raises:
      ArtifactError: these are not the arrays of an encoder-decoder of T5's family.
    """
    try:
        per_layer = "encoder/relpos_bias/rel_embedding" not in shapes
        first = "encoder/layers_0/"
        num_heads, num_buckets = shapes[
            f"{first if per_layer else 'encoder/'}relpos_bias/rel_embedding"]
        gated = f"{first}mlp/wi/kernel" not in shapes
        config = ModelConfig(
            vocab_size=shapes[_WORDS][0],
            d_model=shapes[_WORDS][1],
            d_ff=shapes[f"{first}mlp/wo/kernel"][0],
            num_heads=num_heads,
            head_dim=shapes[f"{first}attention/query/kernel"][1] // num_heads,
            num_encoder_layers=_num_layers(shapes, "encoder"),
            num_decoder_layers=_num_layers(shapes, "decoder"),
            num_relative_buckets=num_buckets,
            per_layer_relative_bias=per_layer,
            feed_forward="gated-gelu" if gated else "relu",
            tie_embeddings=_LOGITS not in shapes,
        )
    except (KeyError, IndexError, ValueError) as error:
        raise ArtifactError(f"{where} holds no encoder-decoder of T5's family: there is no "
                            f"{error}, or it has another form") from error
    expected = {path: leaf.shape for path, leaf in named_params(abstract_params(config))}
    wrong = [f"{path} has shape {shapes.get(path, 'none')} and should have {shape}"
             for path, shape in expected.items() if tuple(shapes.get(path, ())) != shape]
    wrong += [f"{path} is unknown" for path in sorted(shapes.keys() - expected.keys())]
    if wrong:
        raise ArtifactError(f"{where} holds no encoder-decoder of T5's family: "
                            f"{'; '.join(wrong[:3])}")
    return config


def _num_layers(shapes: Mapping[str, tuple[int, ...]], stack: str) -> int:
    return 1 + max((int(match[2]) for path in shapes
                    if (match := _LAYER.fullmatch(path)) and match[1] == stack), default=-1)
