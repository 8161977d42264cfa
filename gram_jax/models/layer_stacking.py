"""Params of scanned layers from those of layers one by one, and back.

    encoder/layers_0/mlp/wo/kernel [d_ff, d_model], encoder/layers_1/...  <->
    encoder/layers/mlp/wo/kernel [layers, d_ff, d_model]

Both forms hold the same numbers; files, digests and other libraries know the first. Works on any
tree of dicts with these names: shapes, optimizer moments. Knows no model.
"""

import re
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gram_jax.core.errors import ArtifactError

STACKED = "layers"
"""The folder of the params of scanned layers."""

_ONE = re.compile(r"layers_(\d+)")


def stack_layers(tree: Any) -> Any:
    """The tree with every `layers_0`, `layers_1`, ... as one `layers`; other folders stay.

    Args:
      tree: nested mappings of arrays, or of `jax.ShapeDtypeStruct`s.

    Raises:
      ArtifactError: a layer is missing, or two layers differ in names or shapes.
    """
    if not isinstance(tree, Mapping):
        return tree
    layers = {int(found[1]): node for name, node in tree.items()
              if (found := _ONE.fullmatch(name))}
    rest = {name: stack_layers(node) for name, node in tree.items() if not _ONE.fullmatch(name)}
    if not layers:
        return rest
    if missing := set(range(len(layers))) - layers.keys():
        raise ArtifactError(f"layers_{min(missing)} is missing; there are "
                            f"{', '.join(f'layers_{i}' for i in sorted(layers))}")
    try:
        stacked = jax.tree.map(lambda *arrays: _stack(arrays),
                               *(layers[i] for i in range(len(layers))))
    except (ValueError, TypeError) as error:
        raise ArtifactError(f"the layers are not all alike: {error}") from error
    return rest | {STACKED: stacked}


def unstack_layers(tree: Any) -> Any:
    """The inverse of `stack_layers`; a tree without a `layers` stays as it is."""
    if not isinstance(tree, Mapping):
        return tree
    rest = {name: unstack_layers(node) for name, node in tree.items() if name != STACKED}
    if STACKED not in tree:
        return rest
    num_layers = jax.tree.leaves(tree[STACKED])[0].shape[0]
    return rest | {
        f"{STACKED}_{i}": jax.tree.map(lambda array, i=i: _layer(array, i), tree[STACKED])
        for i in range(num_layers)}


def is_stacked(tree: Any) -> bool:
    """Whether some layers of the tree are scanned."""
    return isinstance(tree, Mapping) and (
        STACKED in tree or any(is_stacked(node) for node in tree.values()))


def _stack(arrays: tuple[Any, ...]) -> Any:
    if isinstance(first := arrays[0], jax.ShapeDtypeStruct):
        if any(array.shape != first.shape for array in arrays):
            raise ValueError(f"shapes {sorted({array.shape for array in arrays})}")
        return jax.ShapeDtypeStruct((len(arrays), *first.shape), first.dtype)
    # On the host where they are on the host: a model may be larger than one device.
    return (np if isinstance(first, np.ndarray) else jnp).stack(arrays)


def _layer(array: Any, number: int) -> Any:
    if isinstance(array, jax.ShapeDtypeStruct):
        return jax.ShapeDtypeStruct(array.shape[1:], array.dtype)
    return array[number]
