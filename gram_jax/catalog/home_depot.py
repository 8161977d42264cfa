"""The Home Depot product search relevance data as a shop: real queries, judged by people.

The folder holds products.jsonl.gz (product_id, title, weak_attributes) and
judgments.train.jsonl.gz and judgments.dev.jsonl.gz (query_id, query, product_id, grade: 3 at a
mean rating of 2.9 or more, 2 at 2.3, 1 at 1.6). The catalogue is every product; a train pair of
grade 2 or more counts as a click; tune queries are train queries held out by hash; test queries
are the dev part.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gram_jax.catalog.readers import read_rows
from gram_jax.catalog.shop import Shop
from gram_jax.catalog.splits import hold_out, query_key
from gram_jax.catalog.validation import attribute_values, grade_field, id_field, text_field
from gram_jax.core.errors import InputError
from gram_jax.core.records import RELEVANT_GRADE, Click, Judgment, Product, Query

_FILES = ("products.jsonl.gz", "judgments.train.jsonl.gz", "judgments.dev.jsonl.gz")


def read_home_depot(folder: str | Path, *, tune_queries: int = 1000, salt: str = "gram") -> Shop:
    """Reads the three files of `folder`.

    A train query whose text is also a dev query's is left out, and so is a query without a
    relevant product.

    Args:
      folder: where the files lie.
      tune_queries: how many train queries are held out to choose settings on.
      salt: a different one holds out different queries.

    Raises:
      InputError: a file is missing or damaged; it says what to fetch and where it goes.
    """
    folder = Path(folder)
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"the Home Depot data is not here (no {', '.join(missing)})", path=folder,
            remedy="Fetch 'Home Depot Product Search Relevance' from Kaggle (its terms forbid "
                   "passing it on), write these files with the rows that "
                   "gram_jax/catalog/home_depot.py describes, put them into this folder, or bind "
                   "HOME_DEPOT to where they are.")
    products = tuple(_product(values) for values in _rows(folder / _FILES[0]))
    train, test = (_relevant_queries(folder / name) for name in _FILES[1:])
    test_keys = {query_key(text) for text, _ in test.values()}
    train = {query_id: entry for query_id, entry in train.items()
             if query_key(entry[0]) not in test_keys}
    tune_keys = hold_out((query_key(text) for text, _ in train.values()), count=tune_queries,
                         salt=salt)
    splits = {query_id: "tune" if query_key(text) in tune_keys else "train"
              for query_id, (text, _) in train.items()}
    splits |= dict.fromkeys(test, "test")
    judged = {query_id: entry for query_id, entry in (train | test).items()
              if splits[query_id] != "train"}
    return Shop(
        products=products,
        queries=tuple(Query(query_id, text) for query_id, (text, _) in (train | test).items()),
        clicks=tuple(Click(query_id, product_id) for query_id, (_, grades) in train.items()
                     for product_id, grade in grades.items() if grade >= RELEVANT_GRADE),
        judgments=tuple(Judgment(query_id, product_id, grade)
                        for query_id, (_, grades) in judged.items()
                        for product_id, grade in grades.items()),
        splits=splits,
    )


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for row in read_rows(path):
        if row.bad:
            raise InputError(row.bad.problem, path=path, line=row.line,
                             remedy="Fetch the file again.")
        yield row.values


def _product(values: dict[str, Any]) -> Product:
    attributes = {name: attribute_values(name, value)
                  for name, value in values.get("weak_attributes", {}).items()}
    return Product(id_field(values, "product_id"), text_field(values, "title"), attributes)


def _relevant_queries(path: Path) -> dict[str, tuple[str, dict[str, int]]]:
    """query_id -> (text, product_id -> grade), of the queries that have a relevant product."""
    queries: dict[str, tuple[str, dict[str, int]]] = {}
    for values in _rows(path):
        query_id = id_field(values, "query_id")
        _, grades = queries.setdefault(query_id, (text_field(values, "query"), {}))
        grades[id_field(values, "product_id")] = grade_field(values)
    return {query_id: entry for query_id, entry in queries.items()
            if max(entry[1].values()) >= RELEVANT_GRADE}
