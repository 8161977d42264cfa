"""The model as T5X saves it: a 'target' tree of the same names in a native checkpoint.

    checkpoint_1000000/checkpoint                  msgpack: version, step, and where each array lies
    checkpoint_1000000/target.encoder.layers_0...  a zarr array each, which tensorstore reads

Small arrays, and in old files all of them, may stand in the msgpack itself; T5X on Orbax leaves out
the version and names arrays by a placeholder. Both forms that T5X has of a model are read and
written (`interop.t5x_names`). T5X itself is not needed, tensorstore is (extra 'train'). A
checkpoint has no vocabulary: one that lies beside it as spiece.model is compared with the run's.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from flax import serialization

from gram_jax.core.atomic import atomic_directory
from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.interop.fitting import fitted, sized_config
from gram_jax.interop.pretrained_folder import SENTENCEPIECE, folder_pieces, read_bytes
from gram_jax.interop.t5x_names import (
    config_of_shapes,
    from_either_form,
    to_scalable_form,
)
from gram_jax.models.config import ModelConfig
from gram_jax.models.layer_stacking import unstack_layers
from gram_jax.models.params import Params, abstract_params, named_params, nested_params
from gram_jax.text.vocabulary import SentencePieceVocabulary
from gram_jax.text.vocabulary_files import StoredVocabulary

_FILE = "checkpoint"
_VERSION = 3
_STEP_FOLDER = re.compile(r"checkpoint_(\d+)")
_PLACEHOLDER = "PLACEHOLDER://"
_CHUNK_BYTES = 64 * 2**20


def read_t5x(source: str | os.PathLike) -> dict[str, np.ndarray]:
    """The parameters of a checkpoint.

    Args:
      source: the folder of one step, its file 'checkpoint', or a folder of several steps, of which
        the last is read.

    Returns:
      Float32 arrays by our paths, which are those of T5X's t5.

    Raises:
      ConfigError: there is no such folder, or tensorstore is not installed.
      ArtifactError: the checkpoint is damaged or of another kind.
    """
    file = checkpoint_file(source)
    target = _target(file)
    arrays = {path: np.asarray(_array(leaf, path, file), np.float32)
              for path, leaf in _leaves(target)}
    return from_either_form(arrays)


def read_t5x_config(source: str | os.PathLike) -> ModelConfig:
    """The sizes of a checkpoint's model, seen from the shapes of its arrays; see `read_t5x`."""
    file = checkpoint_file(source)
    # Arrays of those shapes that take no memory.
    shaped = {path: np.broadcast_to(np.float32(0), _stored(leaf, path, file).shape)
              for path, leaf in _leaves(_target(file))}
    return config_of_shapes({path: array.shape for path, array in from_either_form(shaped).items()},
                            str(source))


def t5x_config(
    *, source: str, vocab_size: int, output_vocab_size: int | None = None,
    dropout_rate: float = 0.1, compute_dtype: str = "float32",
    remat: str = "none", scan_layers: bool = False, max_logit_tokens: int | None = None,
) -> ModelConfig:
    """The sizes of a checkpoint's model, seen from its arrays, for `train.model`.

    Args:
      source: as of `read_t5x`.
      vocab_size, output_vocab_size: of the run's vocabulary.
      dropout_rate: which no array tells.
      compute_dtype, remat, scan_layers, max_logit_tokens: as of `ModelConfig`.

    Raises:
      ConfigError: the vocabulary is not the one it goes with.
      ArtifactError: the checkpoint is damaged, or not of an encoder-decoder.
    """
    return sized_config(read_t5x_config(source), vocab_size=vocab_size,
                        output_vocab_size=output_vocab_size, where=str(source),
                        dropout_rate=dropout_rate, compute_dtype=compute_dtype, remat=remat,
                        scan_layers=scan_layers, max_logit_tokens=max_logit_tokens)


def t5x_params(
    config: ModelConfig, vocabulary: StoredVocabulary, *, source: str
) -> dict[str, np.ndarray]:
    """All parameters of a checkpoint, for `train.initial_params`.

    Args:
      config: the model that is to hold them.
      vocabulary: of the run.
      source: as of `read_t5x`.

    Returns:
      Float32 arrays by their paths, for `models.params.replace_params`.

    Raises:
      ConfigError: the sizes or the vocabulary are not those of the checkpoint.
      ArtifactError: the checkpoint is damaged, or not of an encoder-decoder.
    """
    arrays = read_t5x(source)
    folder = checkpoint_file(source).parent
    pieces = folder_pieces(folder) or folder_pieces(folder.parent)
    return fitted(arrays, read_t5x_config(source), config=config, vocabulary=vocabulary,
                  pieces=pieces, where=str(source))


def write_t5x(
    folder: str | os.PathLike, params: Params, config: ModelConfig,
    vocabulary: StoredVocabulary | None = None, *, step: int = 0, scalable: bool | None = None,
) -> Path:
    """Writes `folder/checkpoint_<step>` as T5X does: parameters and step, no optimizer state.

    Args:
      folder: made where it is missing; a checkpoint of the same step is replaced.
      params: the model's parameters.
      config: its sizes.
      vocabulary: of SentencePiece, becomes `folder/spiece.model`.
      step: the number of the training step.
      scalable: whether for T5X's scalable_t5, not its t5. None: where layers have a position bias
        each, which T5X knows there only.

    Returns:
      The folder of the step.

    Raises:
      ConfigError: T5X has no such model, or tensorstore is not installed.
    """
    if config.encoder is not None or config.output_vocab_size != config.vocab_size:
        raise ConfigError("T5X has an encoder of its own and a logit for every token; a model with "
                          "BERT's encoder or fewer logits has no form there")
    arrays = {path: np.asarray(array, np.float32)
              for path, array in named_params(unstack_layers(params))}
    if arrays.keys() != dict(named_params(unstack_layers(abstract_params(config)))).keys():
        raise ConfigError("these parameters are not those of a model of this config")
    if config.per_layer_relative_bias if scalable is None else scalable:
        arrays = to_scalable_form(arrays, config)
    final = Path(folder) / f"checkpoint_{step}"
    with atomic_directory(final) as fresh:
        specs = {path: _write_array(fresh, f"target.{path.replace('/', '.')}", array)
                 for path, array in arrays.items()}
        content = {"version": _VERSION, "optimizer": {
            "target": nested_params(specs), "state": {"step": np.asarray(step, np.int32)}}}
        (fresh / _FILE).write_bytes(serialization.msgpack_serialize(content))
    if isinstance(vocabulary, SentencePieceVocabulary):
        (Path(folder) / SENTENCEPIECE).write_bytes(vocabulary.model_bytes)
    return final


def checkpoint_file(source: str | os.PathLike) -> Path:
    """The msgpack of a checkpoint; see `read_t5x`.

    Raises:
      ConfigError: there is none.
    """
    path = Path(source).expanduser()
    if path.is_dir() and not (path / _FILE).is_file():
        steps = {int(match[1]): child for child in path.iterdir()
                 if (match := _STEP_FOLDER.fullmatch(child.name))}
        path = steps[max(steps)] if steps else path
    path = path / _FILE if path.is_dir() else path
    if not path.is_file():
        raise ConfigError(f"{source}: there is no T5X checkpoint here, a folder with a file "
                          f"'{_FILE}' or with folders checkpoint_<step>")
    return path


def _target(file: Path) -> Mapping[str, Any]:
    content = read_bytes(file)
    if content.startswith(b"model_checkpoint_path"):
        raise ArtifactError(f"{file} is a checkpoint of TensorFlow: convert it with T5X's "
                            "convert_tf_checkpoint")
    try:
        tree = serialization.msgpack_restore(content)
        tree = tree.get("optimizer", tree)
        target = tree["target"]
    except Exception as error:  # msgpack raises classes of its own for every kind of damage.
        raise ArtifactError(f"{file} is no T5X checkpoint, or it is damaged "
                            f"({type(error).__name__}: {error})") from error
    if not isinstance(target, Mapping) or not target:
        raise ArtifactError(f"{file} is a checkpoint without parameters ('target' is empty)")
    return target


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every array, or the description of one, with its path."""
    for name, node in tree.items():
        if isinstance(node, Mapping) and "driver" not in node:
            yield from _leaves(node, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", node


def _array(leaf: Any, path: str, file: Path) -> np.ndarray:
    stored = _stored(leaf, path, file)
    if isinstance(stored, np.ndarray):
        return stored
    try:
        return stored.read().result()
    except (ValueError, OSError) as error:
        raise _unreadable(file, path, error) from error


def _stored(leaf: Any, path: str, file: Path) -> Any:
    """The array of a leaf, or the tensorstore that it is read from; both have a shape."""
    if isinstance(leaf, Mapping):
        # Of a checkpoint that was written to Google Cloud Storage the path stands outside.
        name = Path(leaf.get("path") or leaf.get("kvstore", {}).get("path", "")).name
    elif isinstance(leaf, str) and leaf.startswith(_PLACEHOLDER):
        name = Path(leaf.removeprefix(_PLACEHOLDER)).name
    elif hasattr(leaf, "shape"):
        return np.asarray(leaf)
    else:
        raise _unreadable(file, path, TypeError(f"it is {type(leaf).__name__}"))
    try:
        return _tensorstore().open(_spec(file.parent / name)).result()
    except (ValueError, OSError) as error:
        raise _unreadable(file, path, error) from error


def _unreadable(file: Path, path: str, error: Exception) -> ArtifactError:
    return ArtifactError(f"{file.parent}: cannot read the checkpoint's array {path} ({error})")


def _write_array(folder: Path, name: str, array: np.ndarray) -> dict[str, Any]:
    """Writes an array and returns how T5X describes it, its path relative to the folder."""
    rows = max(1, _CHUNK_BYTES // max(1, array.nbytes // max(1, array.shape[0])))
    metadata = {"shape": list(array.shape),
                "chunks": [min(rows, array.shape[0]), *array.shape[1:]],
                "compressor": {"id": "gzip", "level": 1}}
    spec = _spec(folder / name) | {"metadata": metadata | {"dtype": "<f4"}}
    _tensorstore().open(spec, create=True).result().write(array).result()
    return {"driver": "zarr", "dtype": "float32", "kvstore": {"driver": "file", "path": name},
            "metadata": metadata}


def _spec(path: Path) -> dict[str, Any]:
    return {"driver": "zarr", "kvstore": {"driver": "file", "path": f"{path.absolute()}/"}}


def _tensorstore() -> Any:
    try:
        import tensorstore
    except ImportError:
        raise ConfigError("checkpoints of T5X need the library 'tensorstore', which Orbax brings: "
                          "pip install 'gram-jax[train]'") from None
    return tensorstore
