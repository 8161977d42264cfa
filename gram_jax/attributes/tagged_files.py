"""Tagged texts as JSON lines that grow row by row, and survive a kill.

Each row is {"id", "text", "spans": [[start, end, type, probability], ...]}, in the order of the
texts. Rows are flushed in blocks; what a kill tore off is cut when the file is opened again, and
tagging goes on behind the last whole row. Knows no tagger.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from gram_jax.core.errors import ArtifactError


class TaggedRow(NamedTuple):
    """The spans of one text."""

    text_id: str
    text: str
    spans: tuple[tuple[int, int, str, float], ...]  # start, end, type, probability

    def tagged(self, min_probability: float = 0.0) -> tuple[tuple[str, str], ...]:
        """(type, surface text) of every span of at least this probability, by place."""
        return tuple((attribute, self.text[start:end])
                     for start, end, attribute, probability in self.spans
                     if probability >= min_probability)


def read_tagged(path: str | os.PathLike) -> Iterator[TaggedRow]:
    """The rows of a finished file, in its order.

    Raises:
      ArtifactError: the file is missing or damaged.
    """
    try:
        with open(path, encoding="utf-8", newline="\n") as stream:
            for line in stream:
                row = json.loads(line)
                yield TaggedRow(row["id"], row["text"], tuple(map(tuple, row["spans"])))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path} is not a file of tagged texts ({error}): run the tagger "
                            "again") from error


def whole_rows(path: str | os.PathLike) -> list[str]:
    """The ids of the whole rows of a file that may have been cut off, which is mended.

    What follows the last whole row is removed from the file. A missing file has no rows.
    """
    path, ids, end = Path(path), [], 0
    if not path.exists():
        return ids
    with path.open("r+b") as stream:
        for line in stream:
            try:
                if not line.endswith(b"\n"):
                    break
                ids.append(json.loads(line)["id"])
            except (ValueError, KeyError, TypeError):
                break
            end += len(line)
        stream.truncate(end)
    return ids


def append_rows(path: str | os.PathLike, blocks: Iterable[Sequence[TaggedRow]]) -> Iterator[int]:
    """Appends blocks of rows, each written through before its number of rows is yielded."""
    with Path(path).open("a", encoding="utf-8", newline="\n") as stream:
        for block in blocks:
            stream.writelines(json.dumps(
                {"id": row.text_id, "text": row.text, "spans": row.spans},
                ensure_ascii=False) + "\n" for row in block)
            stream.flush()
            os.fsync(stream.fileno())
            yield len(block)
