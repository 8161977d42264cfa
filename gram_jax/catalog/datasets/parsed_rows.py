"""The rows of a file, each made into what its reader wants or handled as a bad one."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from gram_jax.catalog.readers import read_rows
from gram_jax.catalog.validation import BadRow, BadRows

Parsed = TypeVar("Parsed")


def parsed_rows(path: Path, parse: Callable[[Mapping[str, Any]], Parsed | None],
                bad_rows: BadRows, *, kind: str, **reading: Any) -> Iterator[Parsed]:
    """Streams what `parse` makes of each row.

    Args:
      path: the file.
      parse: a row's values -> what to yield, None to pass the row over. It raises BadRow.
      bad_rows: what to do with bad rows.
      kind: of the rows, for the count of dropped ones.
      **reading: further arguments of `read_rows`.

    Raises:
      InputError: the file or, when refused, a row is bad.
    """
    for row in read_rows(path, **reading):
        try:
            if row.bad:
                raise row.bad
            parsed = parse(row.values)
        except BadRow as bad:
            bad_rows.handle(bad, kind=kind, path=path, line=row.line)
        else:
            if parsed is not None:
                yield parsed
