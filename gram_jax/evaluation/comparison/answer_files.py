"""TREC runs of millions of lines as answers, some ten times as fast as `trec.read_run`.

Knows the layout of `trec.write_run` and `write_run_codes`; any other is left to `read_run`.
"""

import dataclasses
import os
from collections.abc import Sequence
from urllib.parse import unquote

import numpy as np

from gram_jax.core.errors import InputError
from gram_jax.evaluation.comparison.answers import (
    NO_PRODUCT,
    NUM_CODES,
    Answers,
    Judged,
    answers_of_run,
    padded,
)
from gram_jax.evaluation.trec import read_run

_RUN_COLUMNS = ("query", "zero", "product", "rank", "score", "name")
_CODE_COLUMNS = ("query_id", "product_id", "rank", "score", "code")


def read_answers(path: str | os.PathLike, judged: Judged,
                 codes_path: str | os.PathLike | None = None) -> Answers:
    """The answers in a TREC run.

    Fast are files as `write_run` writes them: single spaces, a query's lines together, scores
    strictly falling. Any other is read by `read_run`, which orders it or says what is wrong.

    Args:
      path: the run.
      judged: whose queries are kept.
      codes_path: what `write_run_codes` wrote beside it.

    Raises:
      InputError: see `read_run`; or the file of codes cannot be read.
    """
    answers = _read_ordered(path, judged)
    if answers is None:
        answers = answers_of_run(read_run(path), judged)
    if codes_path is None:
        return answers
    return dataclasses.replace(answers, codes=_read_codes(codes_path, judged))


def _read_ordered(path, judged: Judged) -> Answers | None:
    """None where the file is not in the order and layout of `write_run`."""
    import pyarrow as pa

    text = pa.dictionary(pa.int32(), pa.string())
    table = _read_columns(path, " ", _RUN_COLUMNS, {
        "query": text, "product": text, "score": pa.float64(), "name": pa.string()})
    if table is None or not len(table) or any(column.null_count for column in table.columns):
        return None
    queries, query_ids = _coded(table["query"])
    products, product_ids = _coded(table["product"])
    starts = np.flatnonzero(np.r_[True, queries[1:] != queries[:-1]])
    if len(starts) != len(query_ids) or not _falls(table["score"].to_numpy(), starts):
        return None
    grouped = padded(products, np.diff(np.r_[starts, len(queries)]))
    if _repeats(grouped):
        return None
    row_of = {query_id: row for row, query_id in enumerate(judged.query_ids)}
    rows = np.array([row_of.get(unquote(query_ids[query]), -1) for query in queries[starts]])
    asked = grouped[rows >= 0]
    kept = np.full((len(judged.query_ids), grouped.shape[1]), NO_PRODUCT, np.int32)
    kept[rows[rows >= 0]] = _numbered(asked, product_ids, judged)
    return Answers(unquote(table["name"][-1].as_py()), kept)


def _falls(scores: np.ndarray, starts: np.ndarray) -> bool:
    """Whether finite scores strictly fall from each start to the next."""
    falling = scores[1:] < scores[:-1]
    falling[starts[1:] - 1] = True
    return bool(falling.all() and np.isfinite(scores).all())


def _repeats(products: np.ndarray) -> bool:
    ordered = np.sort(products, axis=1)
    return bool(((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != NO_PRODUCT)).any())


def _numbered(products: np.ndarray, product_ids: Sequence[str], judged: Judged) -> np.ndarray:
    """The file's own numbers of products as those of `judged`."""
    numbers = np.full(len(product_ids) + 1, NO_PRODUCT, np.int32)  # the last one is for -1
    named = np.zeros(len(product_ids) + 1, bool)
    named[products] = True
    for at in np.flatnonzero(named[:-1]):
        numbers[at] = judged.numbers[unquote(product_ids[at])]
    return numbers[products]


def _read_codes(path, judged: Judged) -> tuple[tuple[str, ...], ...]:
    import pyarrow as pa
    import pyarrow.compute as pc

    table = _read_columns(path, "\t", _CODE_COLUMNS, {
        "query_id": pa.string(), "rank": pa.int32(), "code": pa.string()}, header=True)
    if table is None:
        raise InputError("is no file of codes", path=path,
                         remedy="give the .codes.tsv that was written beside the run")
    table = table.filter(pc.less_equal(table["rank"], NUM_CODES))
    found: dict[str, list[str]] = {}
    for query_id, code in zip(table["query_id"].to_pylist(), table["code"].to_pylist()):
        found.setdefault(unquote(query_id), []).append(code)
    return tuple(tuple(found.get(query_id, ())) for query_id in judged.query_ids)


def _read_columns(path, delimiter: str, names: Sequence[str], types, *, header: bool = False):
    """A pyarrow table, or None where the file cannot be read so."""
    import pyarrow as pa
    from pyarrow import csv

    try:
        return csv.read_csv(
            path, csv.ReadOptions(column_names=names, skip_rows=int(header), block_size=1 << 24),
            csv.ParseOptions(delimiter=delimiter, quote_char=False),
            csv.ConvertOptions(column_types=types, include_columns=list(types)))
    except (pa.ArrowInvalid, OSError):
        return None


def _coded(column) -> tuple[np.ndarray, list[str]]:
    """A dictionary column as numbers, and the texts that they stand for."""
    column = column.unify_dictionaries().combine_chunks()
    return column.indices.to_numpy(), column.dictionary.to_pylist()
