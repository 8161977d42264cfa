"""Digests: short names for the exact content of arrays, texts and files."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

_CHARS = 16


def digest_texts(texts: Iterable[str]) -> str:
    """A digest of the texts in order; no two different lists can read alike."""
    hasher = hashlib.sha256()
    for text in texts:
        data = text.encode()
        hasher.update(len(data).to_bytes(8, "little"))
        hasher.update(data)
    return hasher.hexdigest()[:_CHARS]


def digest_arrays(arrays: Mapping[str, np.ndarray]) -> str:
    """A digest of named arrays: names, dtypes, shapes and values, in order of name."""
    hasher = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        hasher.update(f"{name}:{array.dtype}:{array.shape};".encode())
        hasher.update(array.tobytes())
    return hasher.hexdigest()[:_CHARS]


def digest_files(root: str | Path) -> str:
    """A digest of a file, or of every file below a folder with its relative name."""
    root = Path(root)
    files = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file())
    hasher = hashlib.sha256()
    for file in files:
        hasher.update(f"{file.relative_to(root)}:{file.stat().st_size};".encode())
        with file.open("rb") as stream:
            hasher.update(hashlib.file_digest(stream, "sha256").digest())
    return hasher.hexdigest()[:_CHARS]
