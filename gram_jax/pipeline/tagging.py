"""Tagging many texts into a file that survives a kill: what the tagger stage and `gram tag` do."""

import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from gram_jax.attributes.tagged_files import TaggedRow, append_rows, whole_rows
from gram_jax.catalog.readers import read_rows
from gram_jax.catalog.validation import BadRow, id_field, text_field
from gram_jax.core.digest import digest_files, digest_texts
from gram_jax.core.errors import InputError
from gram_jax.pipeline.answers import keep_compiled_programs
from gram_jax.pipeline.stage import Progress
from gram_jax.pipeline.workdir import Workdir
from gram_jax.serving.text_tagger import TextTagger

_ROWS_PER_BLOCK = 4096
_TEXT_COLUMNS = ("title", "text", "query")
_ID_COLUMNS = ("id", "product_id", "query_id")

NamedText = tuple[str, str]
"""(id, text)."""


def tag_texts(tagger: TextTagger, texts: Iterable[NamedText], path: Path, *, description: str,
              total: int | None, progress: Progress) -> int:
    """Appends the tags of texts to a file, going on behind what an earlier call left there.

    Args:
      tagger: what tags.
      texts: in an order that is the same in every call.
      path: the file; its rows, where it is there, are those of the first texts.
      description: what the progress bar says.
      total: how many texts there are, if known.
      progress: shows how far it is.

    Returns:
      How many texts the file holds in the end.

    Raises:
      InputError: the rows that are there belong to other texts.
    """
    done = whole_rows(path)
    rest = progress(_behind(texts, done, path), description,
                    None if total is None else total - len(done))
    return len(done) + sum(append_rows(path, _tagged_blocks(tagger, rest)))


def _behind(texts: Iterable[NamedText], done: list[str], path: Path) -> Iterator[NamedText]:
    texts = iter(texts)
    for number, text_id in enumerate(done):
        found = next(texts, None)
        if found is None or found[0] != text_id:
            raise InputError(f"row {number + 1} is of {text_id!r}, but the text there is "
                             f"{'none' if found is None else repr(found[0])}", path=path,
                             remedy="Remove the file to tag from the beginning.")
    yield from texts


def _tagged_blocks(tagger: TextTagger,
                   texts: Iterable[NamedText]) -> Iterator[list[TaggedRow]]:
    texts = iter(texts)
    while block := list(itertools.islice(texts, _ROWS_PER_BLOCK)):
        yield [TaggedRow(text_id, text, tuple(
                   (span.start, span.end, span.attribute, span.probability) for span in spans))
               for (text_id, text), spans in zip(block, tagger.tag([text for _, text in block]))]


def tag_file(workdir: Workdir, source: Path, output: Path, *, text_column: str | None = None,
             progress: Progress) -> int:
    """Tags a file of texts with the tagger of a workdir.

    What was tagged when a call was killed waits beside the output, and the same call goes on.

    Args:
      workdir: has a finished tagger stage.
      source: rows in any format of `catalog.readers`, with a column title, text or query, and
        optionally id, product_id or query_id; the number of a row is its id where it has none.
      output: JSON lines of `attributes.tagged_files`, which appear when all is tagged.
      text_column: the column to tag, if it is called otherwise.
      progress: shows how far it is.

    Returns:
      How many texts were tagged.

    Raises:
      InputError: the file cannot be read or a row has no text.
      ArtifactError: the workdir has no tagger.
    """
    folder = workdir.require("tagger")
    keep_compiled_programs(workdir)
    texts = read_texts(source, text_column)
    first = next(texts)  # a file that cannot be read is refused before anything is written
    mark = digest_texts([workdir.manifest("tagger").digest, digest_files(source), str(text_column)])
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(f".{output.name}.{mark}.unfinished")
    count = tag_texts(TextTagger.load(folder), itertools.chain([first], texts), unfinished,
                      description="tag", total=None, progress=progress)
    os.replace(unfinished, output)
    return count


def read_texts(path: Path, text_column: str | None = None) -> Iterator[NamedText]:
    """The ids and texts of a file's rows.

    Raises:
      InputError: the file cannot be read, or a row has no text.
    """
    for row in read_rows(path):
        try:
            if row.bad:
                raise row.bad
            column = text_column or next(
                (name for name in _TEXT_COLUMNS if name in row.values), "title")
            id_column = next((name for name in _ID_COLUMNS if name in row.values), None)
            text_id = str(row.line) if id_column is None else id_field(row.values, id_column)
            yield text_id, text_field(row.values, column)
        except BadRow as bad:
            raise InputError(bad.problem, path=path, line=row.line, remedy=bad.remedy) from bad
