"""Writers of every format that a shop's files may come in, for tests of what reads them."""

import csv
import gzip
import io
import json
from pathlib import Path

import pyarrow
from pyarrow import parquet

FORMATS = tuple(name + gz for name in ("jsonl", "csv", "tsv", "parquet") for gz in ("", ".gz"))
"""File name endings that `write_rows` understands."""


def write_rows(path: Path, rows: list[dict]) -> Path:
    """Writes rows with the same keys in the format that the name says."""
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        sink = io.BytesIO()
        parquet.write_table(pyarrow.Table.from_pylist(rows), sink)
        data = sink.getvalue()
    elif name.endswith("l"):
        data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    else:
        sink = io.StringIO(newline="")
        writer = csv.DictWriter(sink, list(rows[0]), delimiter="\t" if "tsv" in name else ",")
        writer.writeheader()
        writer.writerows(rows)
        data = sink.getvalue().encode()
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return path
