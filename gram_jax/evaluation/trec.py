"""TREC runs and qrels: written whole or not at all, read back with checks.

Knows nothing about retrievers or measures. Two conventions live here:

- Scores in a run strictly decrease. TREC tools order a run by score and break ties by product id,
  so equal scores would let them rank products otherwise than the list does.
- TREC fields end at white space, and a shop's ids may contain it: white space and '%' in an id are
  percent-encoded when written and decoded when read.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np

from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import InputError
from gram_jax.core.runs import Qrels, RankedList, Run

_RUN_FIELDS = "query_id Q0 product_id rank score name"
_QRELS_FIELDS = "query_id 0 product_id grade"


def strictly_decreasing(scores) -> np.ndarray:
    """The scores as float32, each lowered by the least amount that puts it below the one before.

    float32 because trec_eval reads scores so: two scores that differ only in float64 tie there.

    Args:
      scores: finite numbers, best first, [n].

    Returns:
      float32 [n], strictly decreasing; equal to the float32 of `scores` where that already is.

    Raises:
      ValueError: a score is not a finite float32.
    """
    scores = np.asarray(scores, dtype=np.float32)
    if not np.isfinite(scores).all():
        raise ValueError("a score is not finite")
    # The bits of a float32, read as an integer with the sign applied, count floats in order.
    bits = scores.view(np.int32).astype(np.int64)
    places = np.where(bits >= 0, bits, -(bits & 0x7FFFFFFF))
    steps = np.arange(len(scores))
    places = np.minimum.accumulate(places + steps) - steps
    bits = np.where(places >= 0, places, -places - 2**31)
    return bits.astype(np.int32).view(np.float32)


def write_run(path: str | os.PathLike, run: Run) -> None:
    """Writes `query_id Q0 product_id rank score name`, ranks from 1.

    Raises:
      InputError: an id is empty.
    """
    name = _field(run.name, "the run's name", path)
    with atomic_file(path) as stream:
        for ranked in run.ranked_lists:
            query_id = _field(ranked.query_id, "a query_id", path)
            scores = strictly_decreasing(ranked.scores)
            for rank, (product_id, score) in enumerate(zip(ranked.product_ids, scores), start=1):
                product_id = _field(product_id, f"a product_id of query {query_id}", path)
                stream.write(f"{query_id} Q0 {product_id} {rank} {score:.9g} {name}\n")


def write_run_codes(path: str | os.PathLike, run: Run) -> None:
    """Writes the code that found each product as TSV: query_id, product_id, rank, score, code.

    Ids are encoded as in the run, so that the two files join.
    """
    with atomic_file(path) as stream:
        stream.write("query_id\tproduct_id\trank\tscore\tcode\n")
        for ranked in run.ranked_lists:
            query_id = _field(ranked.query_id, "a query_id", path)
            rows = zip(ranked.product_ids, strictly_decreasing(ranked.scores), ranked.codes)
            for rank, (product_id, score, code) in enumerate(rows, start=1):
                product_id = _field(product_id, f"a product_id of query {query_id}", path)
                stream.write(f"{query_id}\t{product_id}\t{rank}\t{score:.9g}\t{code}\n")


def read_run(path: str | os.PathLike) -> Run:
    """Reads a run, ours or another tool's.

    Products are ordered as trec_eval orders them: by falling score, ties by falling product id;
    the rank column is not trusted. A query without products is not in the file and so not in the
    run. The run's name is that of the last line.

    Raises:
      InputError: a line has other than six fields, a score is no finite number, a product is
        listed twice for a query, or the file is missing or not UTF-8.
    """
    found: dict[str, dict[str, float]] = {}
    name = Path(path).stem
    for line, fields in _rows(path, _RUN_FIELDS):
        query_id, _, product_id, _, text, name = fields
        score = _number(text, float, "score", path, line)
        products = found.setdefault(unquote(query_id), {})
        product_id = unquote(product_id)
        if product_id in products:
            raise InputError(f"product {product_id} is listed twice for query {query_id}",
                             path=path, line=line, remedy="keep one line for each product")
        products[product_id] = score
    ranked_lists = []
    for query_id, products in found.items():
        pairs = sorted(products.items(), key=lambda pair: (pair[1], pair[0]), reverse=True)
        ranked_lists.append(RankedList(query_id, tuple(product for product, _ in pairs),
                                       tuple(score for _, score in pairs)))
    return Run(unquote(name), tuple(ranked_lists))


def write_qrels(path: str | os.PathLike, qrels: Qrels) -> None:
    """Writes `query_id 0 product_id grade`.

    Raises:
      InputError: an id is empty.
    """
    with atomic_file(path) as stream:
        for query_id, grades in qrels.items():
            query_id = _field(query_id, "a query_id", path)
            for product_id, grade in grades.items():
                product_id = _field(product_id, f"a product_id of query {query_id}", path)
                stream.write(f"{query_id} 0 {product_id} {grade}\n")


def read_qrels(path: str | os.PathLike) -> Qrels:
    """Reads qrels.

    Raises:
      InputError: a line has other than four fields, a grade is no whole number, a product is
        judged twice for a query, or the file is missing or not UTF-8.
    """
    qrels: dict[str, dict[str, int]] = {}
    for line, (query_id, _, product_id, text) in _rows(path, _QRELS_FIELDS):
        grades = qrels.setdefault(unquote(query_id), {})
        product_id = unquote(product_id)
        if product_id in grades:
            raise InputError(f"product {product_id} is judged twice for query {query_id}",
                             path=path, line=line, remedy="keep one grade for each product")
        grades[product_id] = _number(text, int, "grade", path, line)
    return qrels


def _field(value: str, what: str, path) -> str:
    if not value:
        raise InputError(f"{what} is empty", path=path, remedy="give it an id")
    return re.sub(r"[\s%]", lambda match: quote(match.group(), safe=""), value)


def _rows(path, layout: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not blank, with their 1-based numbers, cut into the layout's fields."""
    num_fields = len(layout.split())
    try:
        with Path(path).open(encoding="utf-8") as stream:
            for line, text in enumerate(stream, start=1):
                fields = text.split()
                if fields and len(fields) != num_fields:
                    raise InputError(f"{len(fields)} fields where {num_fields} belong", path=path,
                                     line=line, remedy=f"write '{layout}', white space in ids as "
                                                       "percent codes (a space is %20)")
                if fields:
                    yield line, fields
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path=path,
                         remedy="check the path") from error
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8", path=path, remedy="save the file as UTF-8") from error


def _number(text: str, kind: type, what: str, path, line: int):
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not np.isfinite(value):
        raise InputError(f"{what} {text!r} is not a {'whole' if kind is int else 'finite'} number",
                         path=path, line=line, remedy=f"write the {what} as a number")
    return value
