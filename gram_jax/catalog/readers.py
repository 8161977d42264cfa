"""Rows of jsonl, csv, tsv and parquet files, plain or gzipped, streamed with their line numbers.

Knows nothing about what the rows mean. A fault of the file (missing, cut off, no such column)
raises InputError; a fault of one row comes as a row with `bad` set, for the caller to judge.
"""

import contextlib
import csv
import dataclasses
import difflib
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from gram_jax.catalog.validation import BadRow, check_unicode
from gram_jax.core.errors import InputError

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
FORMATS = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One row: the 1-based line it starts at (the row number in parquet), values by our names."""

    line: int
    values: Mapping[str, Any]
    bad: BadRow | None = None


def read_rows(path: str | Path, *, columns: Mapping[str, str | None] | None = None,
              required: Sequence[str] = (), delimiter: str | None = None,
              encoding: str = "utf-8-sig") -> Iterator[Row]:
    """Streams the rows of a file.

    Args:
      path: ends in .jsonl, .ndjson, .csv, .tsv or .parquet, with .gz behind it when gzipped.
      columns: our field name -> their column name. A column of theirs mapped to None is ignored,
        and so is one whose name a mapping has given to another column.
      required: our field names that a file with a header must have.
      delimiter: what separates the fields of a csv or tsv file, where its name does not say.
      encoding: of a text file.

    Yields:
      Rows in file order. Blank lines are passed over.

    Raises:
      InputError: the file cannot be read, has no rows, or lacks a required or mapped column.
    """
    path, columns = Path(path), dict(columns or {})
    if not path.is_file():
        raise InputError("there is no such file", path=path, remedy="Check the path.")
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix.lower() not in FORMATS:
        raise InputError("the name does not say the format", path=path, remedy=(
            f"Name the file by its format, one of {', '.join(FORMATS)}, or such a name and .gz."))
    names = _Names(path, columns, required)
    num_rows = 0
    delimiter = delimiter or _DELIMITERS.get(suffix.lower())
    for line, values, bad in _raw_rows(path, suffix.lower(), names, delimiter, encoding):
        num_rows += 1
        yield Row(line, {}, bad) if bad else Row(line, names.rename(values))
    if num_rows == 0:
        raise InputError("the file holds no rows", path=path, remedy="Check how it was written.")
    names.check_all_seen()


class _Names:
    """Their column names as ours."""

    def __init__(self, path: Path, columns: Mapping[str, str | None], required: Sequence[str]):
        self._path = path
        self._required = required
        self._theirs = {ours: theirs for ours, theirs in columns.items() if theirs is not None}
        self._ours = {theirs: ours for ours, theirs in self._theirs.items()}
        self._ignored = {name for name, theirs in columns.items() if theirs is None}
        self._ignored |= self._theirs.keys() - self._ours.keys()
        self._seen: set[str] = set()

    def rename(self, values: Mapping[str, Any]) -> dict[str, Any]:
        self._seen.update(values)
        return {self._ours.get(name, name): value for name, value in values.items()
                if name not in self._ignored and name}

    def kept(self, header: Sequence[str]) -> list[str]:
        """The columns that are not ignored."""
        return [name for name in header if name not in self._ignored]

    def check_header(self, header: Sequence[str]) -> None:
        named = [name for name in header if name]
        repeated = next((name for name in named if named.count(name) > 1), None)
        if repeated is not None:
            raise InputError(f"two columns are called {repeated!r}", path=self._path, line=1,
                             remedy="Give every column its own name.")
        for ours in (*self._required, *self._theirs):
            self._require(ours, named)
        self._seen.update(named)

    def check_all_seen(self) -> None:
        """Without a header, a mapped column that no row had is a typing mistake."""
        for ours in self._theirs:
            self._require(ours, sorted(self._seen))

    def _require(self, ours: str, present: Sequence[str]) -> None:
        theirs = self._theirs.get(ours, ours)
        if theirs in present:
            return
        close = difflib.get_close_matches(theirs, present, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise InputError(
            f"there is no column {theirs!r} for {ours}; there is {', '.join(present) or 'none'}",
            path=self._path, line=1,
            remedy=f"Map the column that holds it, as in {{'{ours}': 'YOUR COLUMN'}}.{hint}")


_RawRow = tuple[int, Mapping[str, Any], BadRow | None]


def _raw_rows(path: Path, suffix: str, names: _Names, delimiter: str | None,
              encoding: str) -> Iterator[_RawRow]:
    line = 0
    try:
        with _opened(path) as stream:
            if suffix == ".parquet":
                rows = _parquet_rows(path, stream, names)
            else:
                text = io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape",
                                        newline="" if suffix in _DELIMITERS else "\n")
                rows = (_delimited_rows(path, text, delimiter, names)
                        if suffix in _DELIMITERS else _json_rows(text))
            for row in rows:
                line = row[0]
                yield row
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"the gzip file is cut off or damaged after this line ({error})",
                         path=path, line=line, remedy="Copy or write the file again.") from error
    except OSError as error:
        raise InputError(f"the file cannot be read ({error})", path=path,
                         remedy="Check that it is whole and that you may read it.") from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with (gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")) as stream:
        yield stream


def _json_rows(text: IO[str]) -> Iterator[_RawRow]:
    for line, content in enumerate(text, start=1):
        if not content.strip():
            continue
        values, bad = {}, None
        try:
            values = json.loads(content)
        except (ValueError, RecursionError) as error:
            bad = BadRow("invalid JSON", f"the line is not JSON ({error})",
                         "Write one JSON object a line.")
            bad = _not_unicode(content) or bad
        else:
            if not isinstance(values, dict):
                bad = BadRow("row is not an object", "the line is JSON but not an object",
                             "Write one JSON object a line, as in {\"product_id\": ...}.")
            elif "\\u" in content or not _is_unicode(content):
                bad = _not_unicode(values)
        yield line, values if bad is None else {}, bad


def _delimited_rows(path: Path, text: IO[str], delimiter: str, names: _Names) -> Iterator[_RawRow]:
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        check_unicode(header)
    except (csv.Error, BadRow) as error:
        raise InputError(f"the header cannot be read ({error})", path=path, line=1,
                         remedy="Save the file as UTF-8 with one line of column names.") from error
    if not any(header):
        raise InputError("the file is empty or has no header line", path=path, line=1,
                         remedy="Put the column names into the first line.")
    names.check_header(header)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            yield line, {}, BadRow("malformed row", f"the row cannot be parsed ({error})",
                                   'Quote fields that hold quotes and double those: "5"" pipe".')
            continue
        if fields is None:
            return
        if not fields:
            continue
        if len(fields) != len(header):
            yield line, {}, BadRow(
                "wrong number of fields", f"the row has {len(fields)} fields, the header "
                f"{len(header)}", "Quote fields that hold the separator or line breaks.")
            continue
        yield line, dict(zip(header, fields)), \
            None if _is_unicode("".join(fields)) else _not_unicode(fields)


def _is_unicode(text: str) -> bool:
    """Whether UTF-8 can hold the text: `check_unicode`, as fast as a log of clicks needs it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_unicode(value: Any) -> BadRow | None:
    """What `check_unicode` raises, if anything."""
    try:
        check_unicode(value)
    except BadRow as bad:
        return bad
    return None


def _parquet_rows(path: Path, stream: IO[bytes], names: _Names) -> Iterator[_RawRow]:
    import pyarrow  # loading it takes a while, and most shops come as text
    from pyarrow import parquet

    try:
        # Parquet is read from its end, which a gzip stream can only do by being unpacked first.
        source = io.BytesIO(stream.read()) if path.suffix == ".gz" else stream
        table = parquet.ParquetFile(source)
        header = table.schema_arrow.names
        names.check_header(header)
        row = 0
        for batch in table.iter_batches(batch_size=1024, columns=names.kept(header)):
            for values in batch.to_pylist():
                row += 1
                yield row, values, None
    except (pyarrow.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"the file is not readable parquet ({error})", path=path,
                         remedy="Write it again, for example with pandas' to_parquet.") from error
