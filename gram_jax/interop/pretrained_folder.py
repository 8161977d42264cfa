"""The files of a published model: where they lie, what they hold, whose tokens they number.

A model is a folder with config.json, safetensors files and a vocabulary, or the name of one on the
Hugging Face hub. Knows no model: names of weights come out as they stand in the files. Torch is not
needed, since safetensors holds plain arrays (extra 'pretrained').
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece

from gram_jax.core.errors import ArtifactError, ConfigError

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
SENTENCEPIECE = "spiece.model"

_INDEX = "model.safetensors.index.json"
_TOKENIZER = "tokenizer.json"
_WANTED = ("*.json", "*.safetensors", SENTENCEPIECE)


def local_folder(source: str) -> Path:
    """The folder of a model that is given by its path or by its name on the hub.

    Args:
      source: a folder, or a hub name such as 'google/flan-t5-small', which the library
        huggingface_hub looks up and keeps.

    Raises:
      ConfigError: there is no such folder, and the hub cannot be asked or has no such model.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or str(source).startswith((".", "~")) or str(source).count("/") > 1:
        raise ConfigError(f"there is no folder {source} with a pretrained model")
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise ConfigError(f"there is no folder {source}; a name on the Hugging Face hub needs the "
                          "library 'huggingface_hub': pip install 'gram-jax[hub]'") from None
    try:
        return Path(snapshot_download(str(source), allow_patterns=list(_WANTED)))
    except Exception as error:  # The classes of network errors are those of whatever carries it.
        raise ConfigError(f"{source} is no folder here, and the Hugging Face hub does not give it "
                          f"({type(error).__name__}: {error})") from error


def read_bytes(path: Path) -> bytes:
    """The content of a file.

    Raises:
      ArtifactError: it cannot be read; the message names it.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot read it ({error.strerror})") from error


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
      ArtifactError: the file is missing or damaged.
    """
    try:
        found = json.loads(read_bytes(path))
    except ValueError as error:
        raise ArtifactError(f"{path} is damaged ({error})") from error
    if not isinstance(found, dict):
        raise ArtifactError(f"{path} is damaged (it holds no JSON object)")
    return found


def read_weights(folder: Path) -> dict[str, np.ndarray]:
    """All arrays of a folder's safetensors file, or of the several that its index names.

    Raises:
      ConfigError: the library safetensors is not installed.
      ArtifactError: a file is missing or damaged.
    """
    safetensors = _safetensors()
    arrays: dict[str, np.ndarray] = {}
    for path in _weight_files(folder):
        try:
            arrays |= safetensors.numpy.load_file(path)
        except (OSError, safetensors.SafetensorError) as error:
            raise _no_weights(path, error) from error
    return arrays


def weight_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of what `read_weights` reads, from the heads of the files alone.

    Raises:
      ConfigError: the library safetensors is not installed.
      ArtifactError: a file is missing or damaged.
    """
    safetensors = _safetensors()
    shapes: dict[str, tuple[int, ...]] = {}
    for path in _weight_files(folder):
        try:
            with safetensors.safe_open(path, framework="numpy") as file:
                # Not iterable itself: only its keys are.
                shapes |= {name: tuple(file.get_slice(name).get_shape())
                           for name in file.keys()}  # noqa: SIM118
        except (OSError, safetensors.SafetensorError) as error:
            raise _no_weights(path, error) from error
    return shapes


def write_weights(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes the arrays as the folder's one safetensors file."""
    # transformers refuses a file that does not say which library its arrays are for.
    _safetensors().numpy.save_file(arrays, folder / WEIGHTS, metadata={"format": "pt"})


def folder_pieces(folder: Path) -> list[str] | None:
    """The tokens of a folder's SentencePiece vocabulary by their ids; None where it has none.

    Raises:
      ArtifactError: the file is damaged.
    """
    if (folder / SENTENCEPIECE).is_file():
        return sentencepiece_pieces(read_bytes(folder / SENTENCEPIECE), folder / SENTENCEPIECE)
    if not (folder / _TOKENIZER).is_file():
        return None
    try:
        model = read_json(folder / _TOKENIZER)["model"]
        return [piece for piece, _ in model["vocab"]] if model["type"] == "Unigram" else None
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"{folder / _TOKENIZER} is damaged ({error!r})") from error


def sentencepiece_pieces(model_bytes: bytes, path: Path) -> list[str]:
    """The tokens of a SentencePiece model by their ids; `path` is named where it is none."""
    try:
        processor = sentencepiece.SentencePieceProcessor(model_proto=model_bytes)
    except RuntimeError as error:
        raise ArtifactError(f"{path}: not a SentencePiece model ({error})") from error
    return [processor.id_to_piece(i) for i in range(processor.get_piece_size())]


def _weight_files(folder: Path) -> Sequence[Path]:
    if (folder / WEIGHTS).is_file() or not (folder / _INDEX).is_file():
        if not (folder / WEIGHTS).is_file() and list(folder.glob("*.bin")):
            raise ArtifactError(f"{folder} has weights as a pickle only, which can run code and is "
                                f"not read. Write {WEIGHTS} once with transformers: "
                                "from_pretrained, then save_pretrained")
        return [folder / WEIGHTS]
    index = read_json(folder / _INDEX).get("weight_map")
    if not isinstance(index, dict) or not index:
        raise ArtifactError(f"{folder / _INDEX} is damaged (it has no weight_map)")
    # Only files of this folder, whatever the index says.
    return [folder / Path(name).name for name in sorted(set(index.values()))]


def _safetensors() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError:
        raise ConfigError("pretrained weights need the library 'safetensors': "
                          "pip install 'gram-jax[pretrained]'") from None
    return safetensors


def _no_weights(path: Path, error: Exception) -> ArtifactError:
    return ArtifactError(f"{path}: there are no weights here, or they are damaged ({error})")
