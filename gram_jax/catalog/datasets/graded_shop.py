"""A shop from queries whose products people graded: splits, clicks for training, judgments.

Every public data set with graded pairs becomes a shop by these rules and no others:

- a query without a relevant product (grade `RELEVANT_GRADE` or more) is left out;
- a training query whose text is also a test query's is left out;
- tune queries are training queries held out by the hash of their text;
- a click is a relevant pair of a train or tune query; judgments are those of tune and test.

Knows no file format.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Protocol

from gram_jax.catalog.shop import Shop
from gram_jax.catalog.splits import hold_out, query_key
from gram_jax.catalog.stored_products import StoredProducts
from gram_jax.catalog.validation import BadRow, BadRows
from gram_jax.core.records import RELEVANT_GRADE, Click, Judgment, Product, Query


@dataclasses.dataclass(frozen=True)
class GradedQuery:
    """A query of the training or of the test part, and the grades of its products."""

    query_id: str
    text: str
    is_test: bool
    grades: Mapping[str, int]


class GradedSource(Protocol):
    """What a data set's file offers: its products as a stream, and its graded queries."""

    def products(self, bad_rows: BadRows) -> Iterator[Product]:
        """The catalogue, in the order of the files."""
        ...

    def graded_queries(self, product_ids: Set[str], bad_rows: BadRows) -> Iterable[GradedQuery]:
        """The queries with the grades of products that are in the catalogue."""
        ...


@dataclasses.dataclass(frozen=True)
class GradedParts:
    """All of a shop but its products; the fields are those of `Shop`."""

    queries: tuple[Query, ...]
    clicks: tuple[Click, ...]
    judgments: tuple[Judgment, ...]
    splits: Mapping[str, str]
    dropped_rows: Mapping[str, int]


def graded_shop(source: GradedSource, *, tune_queries: int, salt: str,
                on_bad_rows: str) -> Shop:
    """Reads a source into a shop.

    Args:
      source: the data set.
      tune_queries: how many training queries are held out to choose settings on.
      salt: a different one holds out different queries.
      on_bad_rows: 'refuse' or 'skip'.

    Raises:
      InputError: a file is missing or wrong or, when refused, a row is.
    """
    bad_rows = BadRows(on_bad_rows)
    products = StoredProducts.spool(source.products(bad_rows))
    queries = source.graded_queries(set(products.ids), bad_rows)
    parts = split_graded(queries, tune_queries=tune_queries, salt=salt, dropped=bad_rows.dropped)
    return Shop(products, **{field.name: getattr(parts, field.name)
                             for field in dataclasses.fields(parts)})


def split_graded(queries: Iterable[GradedQuery], *, tune_queries: int, salt: str,
                 dropped: Counter[str]) -> GradedParts:
    """Applies the rules above to the queries; counts what is left out into `dropped`."""
    kept = []
    for query in queries:
        if max(query.grades.values(), default=-1) >= RELEVANT_GRADE:
            kept.append(query)
        else:
            dropped["judgments: query without a relevant product"] += len(query.grades)
    keys = {query.query_id: query_key(query.text) for query in kept}
    test_keys = {keys[query.query_id] for query in kept if query.is_test}
    train = [query for query in kept if not query.is_test]
    seen = [query for query in train if keys[query.query_id] in test_keys]
    if seen:
        dropped["judgments: training query that is also a test query"] += sum(
            len(query.grades) for query in seen)
    train = [query for query in train if keys[query.query_id] not in test_keys]
    tune_keys = hold_out((keys[query.query_id] for query in train), count=tune_queries, salt=salt)
    splits = {query.query_id: "tune" if keys[query.query_id] in tune_keys else "train"
              for query in train}
    test = [query for query in kept if query.is_test]
    splits |= {query.query_id: "test" for query in test}
    return GradedParts(
        queries=tuple(Query(query.query_id, query.text) for query in (*train, *test)),
        clicks=tuple(Click(query.query_id, product_id) for query in train
                     for product_id, grade in query.grades.items() if grade >= RELEVANT_GRADE),
        judgments=tuple(Judgment(query.query_id, product_id, grade)
                        for query in (*train, *test) if splits[query.query_id] != "train"
                        for product_id, grade in query.grades.items()),
        splits=splits,
        dropped_rows=dict(dropped),
    )


class GradeBook:
    """Gathers graded pairs by query while rows are read."""

    def __init__(self, product_ids: Set[str]):
        self._product_ids = product_ids
        self._texts: dict[str, tuple[str, bool]] = {}  # query_id -> (text, is_test)
        self._grades: dict[str, dict[str, int]] = {}

    def enter(self, query_id: str, text: str, product_id: str, grade: int, *,
              is_test: bool) -> None:
        """Notes one pair.

        Raises:
          BadRow: the product is unknown, or the row contradicts an earlier one.
        """
        if product_id not in self._product_ids:
            raise BadRow("unknown product_id", f"product {product_id!r} is graded and is not in "
                         "the catalogue", "Fetch all files of one release.")
        if self._texts.setdefault(query_id, (text, is_test)) != (text, is_test):
            raise BadRow("query_id with another text or split",
                         f"query_id {query_id!r} was {self._texts[query_id][0]!r} and is now "
                         f"{text!r}, or is in both parts", "Fetch the file again.")
        grades = self._grades.setdefault(query_id, {})
        if grades.setdefault(product_id, grade) != grade:
            raise BadRow("two grades for one pair", f"product {product_id!r} has grade "
                         f"{grades[product_id]} for query {query_id!r} already, and now {grade}",
                         "Keep one grade for every query and product.")

    def queries(self) -> list[GradedQuery]:
        """Every query met, in the order of its first row."""
        return [GradedQuery(query_id, text, is_test, self._grades.get(query_id, {}))
                for query_id, (text, is_test) in self._texts.items()]
