"""Parts of a long computation, kept in a folder as each is done, so that a killed one goes on.

Knows arrays and digests; nothing of what is computed.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gram_jax.core.atomic import atomic_file

_FACTS = "parts.json"


class KeptParts:
    """Arrays by number, each computed once for a folder.

    Args:
      folder: where parts are kept; None keeps none, so that every part is computed.
      digest: of all that the parts depend on. Parts of another digest are thrown away.
    """

    def __init__(self, folder: Path | None, digest: str):
        self._folder = folder
        if folder is None:
            return
        try:
            found = json.loads((folder / _FACTS).read_text(encoding="utf-8"))["digest"]
        except (OSError, ValueError, KeyError, TypeError):
            found = None
        if found != digest:
            shutil.rmtree(folder, ignore_errors=True)
            with atomic_file(folder / _FACTS) as stream:
                json.dump({"digest": digest}, stream)

    def part(self, number: int, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """The part of that number, computed if it is not there or cannot be read."""
        if self._folder is None:
            return compute()
        path = self._folder / f"{number:06}.npy"
        try:
            return np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            array = compute()
        with atomic_file(path, "wb") as stream:
            np.save(stream, array)
        return array
