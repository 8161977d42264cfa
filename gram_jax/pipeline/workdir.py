"""A workdir: one folder a stage, each with a manifest that says what it was made from.

Knows nothing of what a stage does. A stage's folder appears by a rename when the stage is
complete, so a folder that is there is whole. What a resumable stage has done so far waits in
`<stage>.unfinished`.
"""

import contextlib
import dataclasses
import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from gram_jax.core.atomic import atomic_file, replace_directory
from gram_jax.core.digest import digest_files
from gram_jax.core.errors import ArtifactError, ConfigError

_MANIFEST = "manifest.json"


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a stage's folder holds and what it was made from.

    `digest` covers the folder's files, `inputs` are the digests of the stages that were read,
    `settings` are the gin bindings in force, `counts` are what the stage says of its result.
    """

    stage: str
    digest: str
    inputs: Mapping[str, str]
    settings: Mapping[str, str]
    fingerprint: str
    versions: Mapping[str, str]
    started: str
    seconds: float
    counts: Mapping[str, object]


class Workdir:
    """The folder of one experiment."""

    def __init__(self, path: str | Path):
        self.path = Path(path).expanduser().absolute()

    def folder(self, stage: str) -> Path:
        """Where `stage` leaves its artifact."""
        return self.path / stage

    @property
    def compilation_cache(self) -> Path:
        """Where XLA keeps compiled programs, so that a search from the shell starts at once."""
        return self.path / "compilation_cache"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Holds the workdir, so that no second run writes into it; a killed run lets go of it.

        Raises:
          ConfigError: another run holds it.
        """
        with (self.path / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(f"another run is at work in {self.path}. Wait for it, or give "
                                  "another --workdir") from None
            yield

    def manifest(self, stage: str) -> Manifest | None:
        """The manifest of a finished stage, or None when it was not run.

        Raises:
          ArtifactError: the folder is there but its manifest is not, or cannot be read.
        """
        folder = self.folder(stage)
        if not folder.exists():
            return None
        try:
            fields = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
            return Manifest(**fields)
        except (OSError, ValueError, TypeError) as error:
            raise ArtifactError(f"{folder} has no readable {_MANIFEST} ({error}). "
                                f"Delete {folder} and run the stage again.") from error

    def require(self, stage: str) -> Path:
        """The folder of a stage that must be finished.

        Raises:
          ArtifactError: it is not.
        """
        if self.manifest(stage) is None:
            raise ArtifactError(f"{self.path} has no finished stage '{stage}'. "
                                f"Run it: gram {stage} --workdir={self.path} --gin_file=...")
        return self.folder(stage)

    def open_unfinished(self, stage: str, fingerprint: str) -> tuple[Path, bool]:
        """A folder to build `stage` in, and whether it holds earlier work to go on from.

        Earlier work is kept only where it was begun with the same fingerprint.
        """
        folder = self.path / f"{stage}.unfinished"
        mark = folder / "fingerprint"
        if mark.exists() and mark.read_text(encoding="utf-8") == fingerprint:
            return folder, True
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with atomic_file(mark) as stream:
            stream.write(fingerprint)
        return folder, False

    def finish(self, stage: str, unfinished: Path, manifest: Manifest) -> None:
        """Writes the manifest and moves the folder into place."""
        (unfinished / "fingerprint").unlink()
        manifest = dataclasses.replace(manifest, digest=digest_files(unfinished))
        with atomic_file(unfinished / _MANIFEST) as stream:
            json.dump(dataclasses.asdict(manifest), stream, indent=2, sort_keys=True)
            stream.write("\n")
        replace_directory(unfinished, self.folder(stage))
