"""What a public data set consists of: its files, their checksums, its terms, how to get it.

Knows no format. Readers and TFDS builders take their words about missing and changed files from
here, so that there is one of each.
"""

import dataclasses
import hashlib
from collections.abc import Iterable
from pathlib import Path

from gram_jax.core.errors import InputError

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_CHUNK = 1 << 20


@dataclasses.dataclass(frozen=True)
class OfficialFile:
    """A file as its owners publish it.

    Args:
      name: of the file in its folder.
      checksum: 'sha256:' and the digest (a Git LFS object id), or 'git:' and the id of the blob
        in the owners' git repository (the sha1 of a header and the content); None where the
        owners give none.
      size: bytes; None where the owners do not say.
    """

    name: str
    checksum: str | None = None
    size: int | None = None


@dataclasses.dataclass(frozen=True)
class OfficialDataset:
    """A public data set.

    Args:
      title: what it is called.
      homepage: where it is published.
      licence: its terms in a sentence.
      citation: BibTeX.
      how_to_get: what to do to have the files; one or more sentences.
      setting: the gin macro of the experiment that reads them, which says where they lie.
      files: all of them, also those that only some readers need.
    """

    title: str
    homepage: str
    licence: str
    citation: str
    how_to_get: str
    setting: str
    files: tuple[OfficialFile, ...]

    @property
    def instructions(self) -> str:
        """How to get the files and where they go."""
        return (f"{self.how_to_get} Put them into this folder, or name the one that holds them: "
                f"--gin.{self.setting}=FOLDER, or --manual_dir=FOLDER of 'tfds build'.")

    def locate(self, folder: str | Path, names: Iterable[str], *,
               verify_checksums: bool) -> tuple[Path, ...]:
        """The paths of some of the files.

        Args:
          folder: where they lie.
          names: which are wanted.
          verify_checksums: whether they must be what the owners published, as far as these say
            what that is.

        Raises:
          InputError: a file is missing, is a Git LFS pointer, or is not as published.
        """
        folder, names = Path(folder), tuple(names)
        missing = [name for name in names if not (folder / name).is_file()]
        if missing:
            raise InputError(f"{self.title} is not here (no {', '.join(missing)})", path=folder,
                             remedy=self.instructions)
        known = {file.name: file for file in self.files}
        for name in names:
            self._refuse_pointer(folder / name)
            if verify_checksums and known[name].checksum is not None:
                self._verify(folder / name, known[name])
        return tuple(folder / name for name in names)

    def _refuse_pointer(self, path: Path) -> None:
        with path.open("rb") as stream:
            if stream.read(len(_LFS_POINTER)) == _LFS_POINTER:
                raise InputError(
                    "this is a Git LFS pointer, not the data it points to", path=path,
                    remedy=f"Install git-lfs and run 'git lfs pull' there. {self.how_to_get}")

    def _verify(self, path: Path, file: OfficialFile) -> None:
        size = path.stat().st_size
        found = f"{size} bytes"
        if file.size in (None, size):
            kind, _, wanted = file.checksum.partition(":")
            digest = file_digest(path, kind)
            if digest == wanted:
                return
            found = f"{kind} {digest}"
        published = ", ".join(text for text in (file.size and f"{file.size} bytes", file.checksum)
                              if text)
        raise InputError(
            f"this is not the published file: it has {found}, the published one {published}",
            path=path, remedy=f"{self.how_to_get} If it differs on purpose, bind "
                              "verify_checksums=False on what reads it.")


def file_digest(path: Path, kind: str) -> str:
    """The hexadecimal digest of a file: 'sha256', or 'git' for the id git gives its content."""
    if kind == "sha256":
        hasher = hashlib.sha256()
    elif kind == "git":
        hasher = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    else:
        raise ValueError(f"no digest is called {kind!r}")
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()
