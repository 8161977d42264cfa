"""Checkpoints: a TrainState, the place in the data and what they belong to, saved as one.

A folder holds a subfolder for each step, named by its number. `arrays/` inside is Orbax's; its
`checkpoint.json` names the step, the place in the data, the metadata, the shape of every array and
a digest of all files, since Orbax reads a flipped bit as a number like any other. A step's folder
gets its name by a rename when all of it is written, so a folder with a name is complete.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import jax

from gram_jax.core.atomic import atomic_file, replace_directory
from gram_jax.core.digest import digest_files, digest_texts
from gram_jax.core.errors import ArtifactError
from gram_jax.training.train_state import TrainState

_ARRAYS, _RECORD = "arrays", "checkpoint.json"


class Restored(NamedTuple):
    """What was saved: the state, the place in the data from which it goes on, what else was known.
    """

    state: TrainState
    position: Mapping[str, Any]
    memory: Mapping[str, Any]


class Checkpoints:
    """The checkpoints of one run in one folder; a context that ends with all of them written.

    Args:
      folder: made when it is missing.
      metadata: JSON values that say what the run is (digests of its inputs, its settings). A
        checkpoint with other values belongs to another run and is refused.
      max_to_keep: the latest so many stay, and the best beside them.
    """

    def __init__(
        self, folder: str | os.PathLike, *, metadata: Mapping[str, Any], max_to_keep: int = 2
    ):
        if max_to_keep < 1:
            raise ValueError(f"max_to_keep {max_to_keep} is not positive")
        self._folder = Path(folder).absolute()
        self._metadata = json.loads(json.dumps(dict(metadata)))
        self._max_to_keep = max_to_keep
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._pending: Future | None = None

    def __enter__(self) -> "Checkpoints":
        self._folder.mkdir(parents=True, exist_ok=True)
        for leftover in self._folder.glob(".*"):
            shutil.rmtree(leftover, ignore_errors=True)
        return self

    def __exit__(self, *exception) -> None:
        try:
            self.wait()
        finally:
            self._writer.shutdown()

    def steps(self) -> list[int]:
        """The steps with a complete checkpoint, rising."""
        return sorted(int(path.name) for path in self._folder.glob("[0-9]*") if path.is_dir())

    def save(self, state: TrainState, position: Mapping[str, Any], *,
             memory: Mapping[str, Any] | None = None, best_step: int | None = None) -> None:
        """Copies the state to the host and writes it in the background; `wait` sees it done.

        Args:
          state: its arrays may be donated as soon as this returns.
          position: JSON values from which the data goes on behind the last batch used.
          memory: other JSON values that the run goes on from.
          best_step: the step whose checkpoint stays however old it is, until another is the best.
        """
        self.wait()
        step = int(state.step)
        record = {"step": step, "position": dict(position), "memory": dict(memory or {}),
                  "metadata": self._metadata, "shapes": _shapes(state)}
        text = json.dumps(record)
        fresh = self._folder / f".{step:08d}"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        ocp = _orbax()
        context = ocp.Context()
        # Folders made in the background leave Orbax waiting for many minutes when that fails.
        context.asynchronous.create_directories_asynchronously = False
        with context:
            written = ocp.save_async(fresh / _ARRAYS, state)
        self._pending = self._writer.submit(
            self._complete, fresh, written.result, text, best_step)

    def wait(self) -> None:
        """Returns when the checkpoint that is being written is complete; raises if it failed."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def restore_latest(self, abstract_state: TrainState) -> Restored | None:
        """Reads the latest checkpoint, or returns None where there is none.

        Args:
          abstract_state: the shapes, dtypes and shardings that the state is to have; the
            shardings may differ from those of the run that saved it.

        Raises:
          ArtifactError: it is damaged, belongs to another run, or holds other arrays.
        """
        self.wait()
        steps = self.steps()
        return self.restore(steps[-1], abstract_state) if steps else None

    def restore(self, step: int, abstract_state: TrainState) -> Restored:
        """Reads the checkpoint of a step; see `restore_latest`."""
        self.wait()
        path = self._folder / f"{step:08d}"
        record = _read_record(path)
        _check_same(path, "metadata", record["metadata"], self._metadata)
        _check_same(path, "arrays", record["shapes"], _shapes(abstract_state))
        if digest_files(path / _ARRAYS) != record["arrays_digest"]:
            raise _damaged(path, "its files are not those that were written")
        return Restored(_orbax().load(path / _ARRAYS, abstract_state), record["position"],
                        record.get("memory", {}))

    def _complete(self, fresh: Path, wait_for_arrays: Callable, record: str,
                  best_step: int | None) -> None:
        wait_for_arrays()
        content = json.dumps(
            json.loads(record) | {"arrays_digest": digest_files(fresh / _ARRAYS)}, indent=1)
        with atomic_file(fresh / _RECORD) as stream:
            stream.write(f"{digest_texts([content])}\n{content}\n")
        replace_directory(fresh, self._folder / fresh.name[1:])
        for step in self.steps()[:-self._max_to_keep]:
            if step != best_step:
                shutil.rmtree(self._folder / f"{step:08d}")


def _orbax() -> Any:
    # Not at the top: importing Orbax adds a handler to the root logger.
    from orbax.checkpoint import v1

    return v1


def _shapes(state: TrainState) -> dict[str, str]:
    return {jax.tree_util.keystr(path, simple=True, separator="/"):
            f"{array.dtype}[{','.join(map(str, array.shape))}]"
            for path, array in jax.tree_util.tree_leaves_with_path(state)}


def _read_record(path: Path) -> dict[str, Any]:
    try:
        digest, _, content = (path / _RECORD).read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, f"{_RECORD} cannot be read ({error})") from error
    if digest != digest_texts([content.removesuffix("\n")]):
        raise _damaged(path, f"{_RECORD} is not what was written")
    return json.loads(content)


def _check_same(path: Path, what: str, saved: Mapping, expected: Mapping) -> None:
    """Raises when a checkpoint's metadata or arrays are not those of this run, naming a few."""
    differing = [name for name in sorted(saved.keys() | expected.keys())
                 if saved.get(name) != expected.get(name)]
    if differing:
        named = "; ".join(f"{name} is {saved.get(name, 'missing')!r} there and "
                          f"{expected.get(name, 'missing')!r} here" for name in differing[:4])
        more = f"; and {len(differing) - 4} more" if len(differing) > 4 else ""
        raise ArtifactError(
            f"{path}: this checkpoint belongs to another run: its {what} differ ({named}{more}).\n"
            f"  Remedy: use another folder, or remove {path.parent} to train from the beginning")


def _damaged(path: Path, problem: str) -> ArtifactError:
    return ArtifactError(f"{path}: this checkpoint is damaged: {problem}.\n"
                         f"  Remedy: remove {path} to go on from the checkpoint before it")
