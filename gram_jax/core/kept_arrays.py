"""Parts of a long computation, kept in files, so that a run that was killed goes on after them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from gram_jax.core.atomic import atomic_file

Arrays = Mapping[str, np.ndarray]
_FINGERPRINT = "fingerprint"


def kept_arrays(path: Path | None, fingerprint: str, compute: Callable[[], Arrays]) -> Arrays:
    """What `compute` returns, from the file where it was kept before.

    Args:
      path: the .npz file; with None nothing is kept.
      fingerprint: of all that the result depends on. A file of another fingerprint, or one that
        cannot be read, is computed again and replaced.
      compute: returns arrays by name.
    """
    if path is None:
        return compute()
    found = _read(path)
    if found is not None and str(found.pop(_FINGERPRINT, "")) == fingerprint:
        return found
    arrays = compute()
    with atomic_file(path, "wb") as stream:
        np.savez(stream, **{_FINGERPRINT: np.array(fingerprint)}, **arrays)
    return arrays


def _read(path: Path) -> dict[str, np.ndarray] | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception:  # a missing or damaged file has many errors, and all mean: not there
        return None
