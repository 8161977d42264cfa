"""Parameters as a plain nested dict of arrays: made, bound to the model, counted, saved, loaded.

Everything outside this package holds parameters in this form; modules exist only while a model
is being traced. Knows nothing about optimizers or checkpoints of a training run.
"""

import functools
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx

from gram_jax.core.atomic import atomic_file
from gram_jax.core.digest import digest_arrays
from gram_jax.core.errors import ArtifactError
from gram_jax.models.config import ModelConfig
from gram_jax.models.encoder_decoder import EncoderDecoder

Params = dict[str, Any]
"""Nested dict with T5X's names; the leaves are float32 arrays."""


def init_params(config: ModelConfig, seed: int) -> Params:
    """Draws the parameters of a model that has not learned anything, as T5X draws them."""

    def draw(key):
        return nnx.to_pure_dict(nnx.state(EncoderDecoder(config, nnx.Rngs(params=key))))

    return jax.jit(draw)(jax.random.key(seed))


def bind(config: ModelConfig, params: Params) -> EncoderDecoder:
    """The module that computes with these parameters; cheap, meant for use inside a jit."""
    return nnx.merge(_abstract_model(config)[0], params)


def abstract_params(config: ModelConfig) -> Params:
    """The tree of `init_params` with a `jax.ShapeDtypeStruct` for every array."""
    return nnx.to_pure_dict(_abstract_model(config)[1])


def logical_axes(config: ModelConfig) -> dict[str, Any]:
    """The tree of `init_params` with, for every array, a tuple of logical axis names.

    Names: 'vocab', 'embed', 'mlp', 'heads' (also where heads and head_dim are joined in one
    axis), 'relpos_buckets'.
    """
    state = _abstract_model(config)[1]
    return nnx.to_pure_dict(jax.tree.map(
        lambda variable: variable.replace(variable.get_metadata("logical_axes")),
        state, is_leaf=lambda node: isinstance(node, nnx.Variable),
    ))


@functools.lru_cache(maxsize=32)
def _abstract_model(config: ModelConfig) -> tuple[nnx.GraphDef, nnx.State]:
    return nnx.split(nnx.eval_shape(lambda: EncoderDecoder(config, nnx.Rngs(params=0))))


def count_params(params: Params) -> int:
    """How many numbers the tree holds."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def digest_params(params: Params) -> str:
    """A digest of names, shapes and values."""
    return digest_arrays({name: np.asarray(array) for name, array in _named_leaves(params)})


def save_params(path: str | os.PathLike, params: Params) -> None:
    """Writes an .npz file whose names are the parameters' paths, such as 'encoder/...'."""
    with atomic_file(path, "wb") as stream:
        np.savez(stream, **{name: np.asarray(array) for name, array in _named_leaves(params)})


def load_params(path: str | os.PathLike, config: ModelConfig) -> Params:
    """Reads what `save_params` wrote.

    Args:
      path: the file.
      config: the model they must fit.

    Returns:
      The parameters, as NumPy arrays.

    Raises:
      ArtifactError: the file is missing or damaged, or belongs to a model of another shape; the
        message names the parameters that do not fit.
    """
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise ArtifactError(f"{path}: there are no parameters here") from None
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise ArtifactError(f"{path}: this is not a file of parameters, or it is damaged "
                            f"({error})") from None
    expected = dict(_named_leaves(abstract_params(config)))
    misfits = list(_misfits(found, expected))
    if misfits:
        shown = "\n  ".join(misfits[:5])
        more = f"\n  and {len(misfits) - 5} more" if len(misfits) > 5 else ""
        raise ArtifactError(f"{path}: these parameters do not fit the model:\n  {shown}{more}")
    params: Params = {}
    for name, array in found.items():
        *parents, leaf = name.split("/")
        node = params
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = array
    return params


def _misfits(
    found: Mapping[str, np.ndarray], expected: Mapping[str, jax.ShapeDtypeStruct]
) -> Iterator[str]:
    """What is wrong with the arrays of a file, a line each."""
    for name in sorted(expected.keys() - found.keys()):
        yield f"{name} is missing"
    for name in sorted(found.keys() - expected.keys()):
        yield f"{name} is unknown to the model"
    for name in sorted(found.keys() & expected.keys()):
        array, wanted = found[name], expected[name]
        if array.shape != wanted.shape:
            yield f"{name} has shape {array.shape}, the model needs {wanted.shape}"
        elif array.dtype != wanted.dtype:
            yield f"{name} is {array.dtype}, the model needs {wanted.dtype}"
        elif not np.isfinite(array).all():
            yield f"{name} holds values that are not finite"


def _named_leaves(tree: Params, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name in sorted(tree):
        node = tree[name]
        if isinstance(node, Mapping):
            yield from _named_leaves(node, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", node
