"""Parameters as a plain nested dict of arrays: made, bound to the model, counted, saved, loaded.

Everything outside this package holds parameters in this form; modules exist only while a model
is being traced. Knows nothing about optimizers or checkpoints of a training run.
"""

import dataclasses
import functools
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, overload

import jax
import numpy as np
from flax import nnx

from gram_jax.core.atomic import atomic_file
from gram_jax.core.digest import digest_arrays
from gram_jax.core.errors import ArtifactError
from gram_jax.models.config import ModelConfig, RelevanceConfig, TaggerConfig
from gram_jax.models.encoder_decoder import EncoderDecoder
from gram_jax.models.layer_stacking import is_stacked, stack_layers, unstack_layers
from gram_jax.models.relevance import RelevanceNet
from gram_jax.models.tagger import Tagger

Params = dict[str, Any]
"""Nested dict with T5X's names; the leaves are float32 arrays."""

AnyConfig = ModelConfig | RelevanceConfig | TaggerConfig

_MODULE_OF_CONFIG: Mapping[type, Callable[[Any], nnx.Module]] = {
    ModelConfig: EncoderDecoder, RelevanceConfig: RelevanceNet, TaggerConfig: Tagger}


def init_params(config: AnyConfig, seed: int) -> Params:
    """Draws the parameters of a model that has not learned anything, as T5X and BERT draw theirs.

    Each parameter has a random stream of its own, by the seed and its name; scanned layers start
    as the same layers do that are not.
    """
    if is_scanned(config):
        return stack_layers(init_params(dataclasses.replace(config, scan_layers=False), seed))
    initials = _named_leaves(_metadata(config, "initial"))
    shapes = dict(_named_leaves(abstract_params(config)))
    return _nested({
        name: jax.device_put(initial.draw(_stream(seed, name), shapes[name].shape))
        for name, initial in initials
    })


def is_scanned(config: AnyConfig) -> bool:
    """Whether parameters of layers are held as one array."""
    return isinstance(config, ModelConfig) and config.scan_layers


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


@overload
def bind(config: ModelConfig, params: Params) -> EncoderDecoder: ...
@overload
def bind(config: RelevanceConfig, params: Params) -> RelevanceNet: ...
@overload
def bind(config: TaggerConfig, params: Params) -> Tagger: ...
def bind(config, params):
    """The module that computes with these parameters; cheap, meant for use inside a jit."""
    return nnx.merge(_abstract_model(config)[0], params)


def abstract_params(config: AnyConfig) -> Params:
    """The tree of `init_params` with a `jax.ShapeDtypeStruct` for every array."""
    return nnx.to_pure_dict(_abstract_model(config)[1])


def logical_axes(config: AnyConfig) -> dict[str, Any]:
    """The tree of `init_params` with, for every array, a tuple of logical axis names.

    Names: 'vocab', 'embed', 'mlp', 'heads' (also where heads and head_dim are joined in one
    axis), 'relpos_buckets', 'words' (of a table without logits), 'positions', 'layers' (of scanned
    ones); None for an axis that is never split.
    """
    return _metadata(config, "logical_axes")


def _metadata(config: AnyConfig, key: str) -> dict[str, Any]:
    """The tree of parameters with what each declared under `key`."""
    variables = nnx.to_flat_state(_abstract_model(config)[1])
    return _nested({"/".join(path): variable.get_metadata(key) for path, variable in variables})


@functools.lru_cache(maxsize=32)
def _abstract_model(config: AnyConfig) -> tuple[nnx.GraphDef, nnx.State]:
    return nnx.split(_MODULE_OF_CONFIG[type(config)](config))


def named_params(params: Params) -> Iterator[tuple[str, Any]]:
    """Every array, or what stands for one, with its path, such as 'encoder/...', in their order."""
    return _named_leaves(params)


def nested_params(named: Mapping[str, Any]) -> Params:
    """The tree of what is given by paths: the inverse of `named_params`."""
    return _nested(named)


def count_params(params: Params) -> int:
    """How many numbers the tree holds."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def digest_params(params: Params) -> str:
    """A digest of names, shapes and values, the same whether layers are scanned or not."""
    return digest_arrays(_by_layer(params))


def save_params(path: str | os.PathLike, params: Params) -> None:
    """Writes an .npz file whose names are the parameters' paths, such as 'encoder/...'.

    Scanned layers are written one by one, as all others are.
    """
    with atomic_file(path, "wb") as stream:
        np.savez(stream, **_by_layer(params))


def _by_layer(params: Params) -> dict[str, np.ndarray]:
    """Every array on the host by its path in the tree of layers one by one."""
    return dict(_named_leaves(unstack_layers(jax.tree.map(np.asarray, params))))


def load_params(path: str | os.PathLike, config: AnyConfig) -> Params:
    """Reads what `save_params` wrote.

    Args:
      path: the file.
      config: the model they must fit.

    Returns:
      The parameters, on the default device.

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
    expected = unstack_layers(abstract_params(config))
    _check_fit(found, dict(_named_leaves(expected)), f"{path}: these parameters")
    params = _nested(found)
    return jax.tree.map(jax.device_put, stack_layers(params) if is_scanned(config) else params)


def replace_params(params: Params, given: Mapping[str, np.ndarray]) -> Params:
    """The parameters with some of them replaced: a model that starts from pretrained parts.

    Args:
      params: of the whole model.
      given: other values for some of its paths, such as 'encoder/...'; layers are named one by one.

    Returns:
      A tree like `params`.

    Raises:
      ArtifactError: the model has no such parameters, or they have other shapes; the message names
        them.
    """
    whole = dict(_named_leaves(unstack_layers(params)))
    _check_fit(given, {name: whole[name] for name in given if name in whole},
               "the given parameters")
    replaced = _nested(whole | {name: jax.device_put(array) for name, array in given.items()})
    return stack_layers(replaced) if is_stacked(params) else replaced


def _check_fit(found: Mapping[str, np.ndarray], expected: Mapping[str, Any], what: str) -> None:
    if misfits := list(_misfits(found, expected)):
        shown = "\n  ".join(misfits[:5])
        more = f"\n  and {len(misfits) - 5} more" if len(misfits) > 5 else ""
        raise ArtifactError(f"{what} do not fit the model:\n  {shown}{more}")


def _misfits(
    found: Mapping[str, np.ndarray], expected: Mapping[str, Any]
) -> Iterator[str]:
    """What is wrong with the arrays that were found, a line each."""
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


def _nested(named: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `_named_leaves`."""
    tree: dict[str, Any] = {}
    for name, value in named.items():
        *parents, leaf = name.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = value
    return tree
