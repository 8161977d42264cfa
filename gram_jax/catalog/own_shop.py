"""A user's own shop: product, click and judgment files read, checked and split.

Knows the meaning of the rows; formats are the readers' matter, single fields validation's.
"""

import array
import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gram_jax.catalog import validation
from gram_jax.catalog.pairs import PairColumns
from gram_jax.catalog.readers import read_rows
from gram_jax.catalog.row_pairs import PartedPairs, RowPairs, pair_key, part_pairs
from gram_jax.catalog.shop import Shop
from gram_jax.catalog.splits import query_key, split_by_hash
from gram_jax.catalog.stored_products import StoredProducts
from gram_jax.catalog.validation import BadRow, BadRows
from gram_jax.core.errors import ConfigError, InputError
from gram_jax.core.records import Click, Judgment, Product, Query

Columns = Mapping[str, str | None]


def read_own_shop(products: str | Path, clicks: str | Path | None = None,
                  judgments: str | Path | None = None, *, product_columns: Columns | None = None,
                  click_columns: Columns | None = None, judgment_columns: Columns | None = None,
                  on_bad_rows: str = "refuse", tune_share: float = 0.1, test_share: float = 0.1,
                  salt: str = "gram") -> Shop:
    """Reads a shop from files in any format that `read_rows` knows.

    With clicks only, the clicks of held-out queries become judgments of grade 2. With judgments
    only, queries are split by the hash of their text unless rows name a split, and the train
    part's pairs of grade 2 or more become clicks. With both, judged queries are test queries unless
    rows name a split, clicks on test queries are left out, and tune queries are held out by hash
    from the clicked ones. Held-out queries without a relevant product are left out.
    With neither, the shop has no queries: its codes are mined from pseudo-queries.

    Args:
      products: rows of product_id, title and attributes: every other column, and the entries of a
        nested mapping called `attributes`.
      clicks: rows of query, product_id and optionally query_id and weight.
      judgments: rows of query, product_id, grade (0 to 3) and optionally query_id and split.
      product_columns: our field name -> their column; their column -> None to ignore it.
      click_columns: the same for clicks.
      judgment_columns: the same for judgments.
      on_bad_rows: 'refuse' or 'skip'.
      tune_share: the share of queries held out to choose settings on.
      test_share: the share of queries held out for the report, where no file decides that.
      salt: a different one gives different held-out queries.

    Raises:
      InputError: a file or, when refused, a row is bad; or a split would be empty.
      ConfigError: a setting is out of range.
    """
    if min(tune_share, test_share) < 0 or tune_share + test_share >= 1:
        raise ConfigError(f"tune_share {tune_share} and test_share {test_share} must be shares "
                          "that leave something to train on")
    bad_rows = BadRows(on_bad_rows)
    book = _QueryBook()
    catalogue = StoredProducts.spool(_read_products(Path(products), product_columns, bad_rows))
    product_of = {product_id: place for place, product_id in enumerate(catalogue.ids)}
    clicked = RowPairs.of([], []) if clicks is None else _read_clicks(
        Path(clicks), click_columns, product_of, book, bad_rows)
    judged = RowPairs.of([], []) if judgments is None else _read_judgments(
        Path(judgments), judgment_columns, product_of, book, bad_rows)

    def default_split(key: str) -> str:
        shares = {"tune_share": tune_share, "test_share": test_share}
        if clicks is not None and judgments is not None:
            if key in judged_keys:
                return "test"
            shares["test_share"] = 0.0
        return split_by_hash(key, salt=salt, **shares)

    judged_keys = {book.keys[row] for row in np.unique(judged.rows)}
    splits = [book.named_splits.get(key) or default_split(key) for key in book.keys]
    parted = part_pairs(clicked, judged, splits,
                        np.array([key in judged_keys for key in book.keys], bool))
    shop = _shop(catalogue, book, parted, splits, bad_rows)
    if clicks is not None or judgments is not None:
        _check_parts(shop, path=clicks or judgments, tune_share=tune_share, test_share=test_share)
    return shop


@dataclasses.dataclass
class _QueryBook:
    """Every query met, a row each; all splits are decided by `query_key`, not by id."""

    row_of: dict[str, int] = dataclasses.field(default_factory=dict)  # query_id -> row
    texts: list[str] = dataclasses.field(default_factory=list)
    keys: list[str] = dataclasses.field(default_factory=list)  # query_key
    named_splits: dict[str, str] = dataclasses.field(default_factory=dict)  # query_key -> split
    _entered: dict[tuple[str, str | None], int] = dataclasses.field(default_factory=dict)

    def enter(self, values: Mapping[str, Any]) -> int:
        """The row of a query, which is known by its id or, where it has none, by its text."""
        written = values.get("query"), values.get("query_id")
        if isinstance(written[0], str) and isinstance(written[1], str | None):
            # The queries of a log repeat, and to check them once is enough.
            if written not in self._entered:
                self._entered[written] = self._enter(values)
            return self._entered[written]
        return self._enter(values)

    def _enter(self, values: Mapping[str, Any]) -> int:
        text = validation.text_field(values, "query")
        key = query_key(text)
        query_id = validation.optional_id_field(values, "query_id")
        if query_id is None:
            query_id = "q" + hashlib.sha256(key.encode()).hexdigest()[:12]
        row = self.row_of.get(query_id)
        if row is None:
            row = self.row_of[query_id] = len(self.texts)
            self.texts.append(text)
            self.keys.append(key)
        elif self.keys[row] != key:
            raise BadRow("query_id with another text",
                         f"query_id {query_id!r} was {self.texts[row]!r} and is now {text!r}",
                         "Give every query text its own query_id, or leave the column out.")
        return row

    def name_split(self, row: int, split: str | None) -> None:
        """Notes the split that a row of the file names for its query."""
        key = self.keys[row]
        if split is not None and self.named_splits.setdefault(key, split) != split:
            raise BadRow("query in two splits", f"query {key!r} is in {self.named_splits[key]} "
                         f"and in {split}", "Name one split for all rows of a query.")


def _read_products(path: Path, columns: Columns | None, bad_rows: BadRows) -> Iterator[Product]:
    lines: dict[str, int] = {}
    for row in read_rows(path, columns=columns, required=("product_id", "title")):
        try:
            if row.bad:
                raise row.bad
            product_id = validation.id_field(row.values, "product_id")
            title = validation.text_field(row.values, "title")
            fields = [name for name in row.values
                      if name not in ("product_id", "title", "attributes")]
            attributes = validation.merged_attributes(row.values, fields)
            if lines.setdefault(product_id, row.line) != row.line:
                raise BadRow("duplicate product_id",
                             f"product_id {product_id!r} was in line {lines[product_id]} already",
                             "Keep one row for every product.")
        except BadRow as bad:
            bad_rows.handle(bad, kind="products", path=path, line=row.line)
        else:
            yield Product(product_id, title, attributes)
    if not lines:
        raise InputError("no row is left", path=path,
                         remedy=f"Mend the rows; dropped were {dict(bad_rows.dropped)}.")


def _read_clicks(path: Path, columns: Columns | None, product_of: Mapping[str, int],
                 book: _QueryBook, bad_rows: BadRows) -> RowPairs:
    keys, weights = array.array("q"), array.array("d")
    for row in read_rows(path, columns=columns, required=("query", "product_id")):
        try:
            if row.bad:
                raise row.bad
            weight = validation.weight_field(row.values)
            product = _known_product(row.values, product_of, "click")
            query = book.enter(row.values)
        except BadRow as bad:
            bad_rows.handle(bad, kind="clicks", path=path, line=row.line)
        else:
            keys.append(pair_key(query, product))
            weights.append(weight)
    return RowPairs.of(keys, weights)


def _read_judgments(path: Path, columns: Columns | None, product_of: Mapping[str, int],
                    book: _QueryBook, bad_rows: BadRows) -> RowPairs:
    judged: dict[int, int] = {}  # pair_key -> grade
    for row in read_rows(path, columns=columns, required=("query", "product_id", "grade")):
        try:
            if row.bad:
                raise row.bad
            grade = validation.grade_field(row.values)
            split = validation.split_field(row.values)
            product = _known_product(row.values, product_of, "judgment")
            query = book.enter(row.values)
            pair = pair_key(query, product)
            if judged.get(pair, grade) != grade:
                raise BadRow("two grades for one pair",
                             f"product {row.values['product_id']!r} has grade {judged[pair]} for "
                             f"this query already, and now {grade}",
                             "Keep one grade for every query and product.")
            book.name_split(query, split)
        except BadRow as bad:
            bad_rows.handle(bad, kind="judgments", path=path, line=row.line)
        else:
            judged[pair] = grade
    return RowPairs.of(list(judged), list(judged.values()))


def _known_product(values: Mapping[str, Any], product_of: Mapping[str, int], kind: str) -> int:
    product_id = validation.id_field(values, "product_id")
    if product_id not in product_of:
        raise BadRow("unknown product_id",
                     f"the {kind} is on product_id {product_id!r}, which no product has",
                     "Add the product, or remove the row.")
    return product_of[product_id]


def _shop(catalogue: StoredProducts, book: _QueryBook, parted: PartedPairs, splits: Sequence[str],
          bad_rows: BadRows) -> Shop:
    for reason, count in (("clicks: on a test query", parted.num_hidden),
                          ("judgments: query without a relevant product", parted.num_hopeless)):
        if count:
            bad_rows.dropped[reason] += count
    used = parted.used
    queries = tuple(Query(query_id, book.texts[row]) for query_id, row in book.row_of.items()
                    if used[row])
    query_ids = tuple(query.query_id for query in queries)
    place = np.cumsum(used, dtype=np.int32) - np.int32(1)

    def columns(kind, pairs: RowPairs, dtype) -> PairColumns:
        return PairColumns(kind, query_ids, catalogue.ids, place[pairs.rows], pairs.products,
                           pairs.amounts.astype(dtype))

    return Shop(
        products=catalogue, queries=queries, clicks=columns(Click, parted.clicks, np.float64),
        judgments=columns(Judgment, parted.judgments, np.int8),
        splits={query_id: splits[row] for query_id, row in book.row_of.items() if used[row]},
        dropped_rows=dict(bad_rows.dropped))


def _check_parts(shop: Shop, *, path, tune_share: float, test_share: float) -> None:
    remedy = "Give more queries, or bind other tune_share, test_share or salt."
    if not any(shop.splits[click.query_id] == "train" for click in shop.clicks):
        raise InputError("no pair is left to train on", path=path, remedy=remedy)
    for split, share in (("tune", tune_share), ("test", test_share)):
        if share and not shop.queries_of(split):
            raise InputError(f"none of the {len(shop.queries)} queries fell into the {split} part",
                             path=path, remedy=remedy)
