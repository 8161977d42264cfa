"""A user's own shop: product, click and judgment files read, checked and split.

Knows the meaning of the rows; formats are the readers' matter, single fields validation's.
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gram_jax.catalog import validation
from gram_jax.catalog.readers import read_rows
from gram_jax.catalog.shop import Shop
from gram_jax.catalog.splits import query_key, split_by_hash
from gram_jax.catalog.validation import BadRow, BadRows
from gram_jax.core.errors import ConfigError, InputError
from gram_jax.core.records import RELEVANT_GRADE, Click, Judgment, Product, Query

Columns = Mapping[str, str | None]
Pair = tuple[str, str]  # (query_id, product_id)


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
      ConfigError: neither clicks nor judgments are given, or a setting is out of range.
    """
    if clicks is None and judgments is None:
        raise ConfigError("a shop needs what shoppers chose: bind CLICKS (rows of query, "
                          "product_id) or JUDGMENTS (rows of query, product_id, grade)")
    if min(tune_share, test_share) < 0 or tune_share + test_share >= 1:
        raise ConfigError(f"tune_share {tune_share} and test_share {test_share} must be shares "
                          "that leave something to train on")
    bad_rows = BadRows(on_bad_rows)
    book = _QueryBook()
    catalogue = tuple(_read_products(Path(products), product_columns, bad_rows))
    product_ids = {product.product_id for product in catalogue}
    clicked = {} if clicks is None else _read_clicks(
        Path(clicks), click_columns, product_ids, book, bad_rows)
    judged = {} if judgments is None else _read_judgments(
        Path(judgments), judgment_columns, product_ids, book, bad_rows)

    def default_split(key: str) -> str:
        shares = {"tune_share": tune_share, "test_share": test_share}
        if clicks is not None and judgments is not None:
            if key in judged_keys:
                return "test"
            shares["test_share"] = 0.0
        return split_by_hash(key, salt=salt, **shares)

    judged_keys = {book.keys[query_id] for query_id, _ in judged}
    splits = {query_id: book.named_splits.get(key) or default_split(key)
              for query_id, key in book.keys.items()}
    shop = _assemble(catalogue, book, clicked, judged, splits, bad_rows)
    _check_parts(shop, path=clicks or judgments, tune_share=tune_share, test_share=test_share)
    return shop


@dataclasses.dataclass
class _QueryBook:
    """Every query met, under its id; all splits are decided by `query_key`, not by id."""

    texts: dict[str, str] = dataclasses.field(default_factory=dict)  # query_id -> text
    keys: dict[str, str] = dataclasses.field(default_factory=dict)  # query_id -> query_key
    named_splits: dict[str, str] = dataclasses.field(default_factory=dict)  # query_key -> split

    def enter(self, values: Mapping[str, Any]) -> str:
        """The id of a row's query: its own, or one made from its text."""
        text = validation.text_field(values, "query")
        key = query_key(text)
        query_id = validation.optional_id_field(values, "query_id")
        if query_id is None:
            query_id = "q" + hashlib.sha256(key.encode()).hexdigest()[:12]
        if self.keys.setdefault(query_id, key) != key:
            raise BadRow("query_id with another text",
                         f"query_id {query_id!r} was {self.texts[query_id]!r} and is now {text!r}",
                         "Give every query text its own query_id, or leave the column out.")
        self.texts.setdefault(query_id, text)
        return query_id

    def name_split(self, query_id: str, split: str | None) -> None:
        """Notes the split that a row names for its query."""
        key = self.keys[query_id]
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


def _read_clicks(path: Path, columns: Columns | None, product_ids: set[str], book: _QueryBook,
                 bad_rows: BadRows) -> dict[Pair, float]:
    clicked: dict[Pair, float] = {}
    for row in read_rows(path, columns=columns, required=("query", "product_id")):
        try:
            if row.bad:
                raise row.bad
            weight = validation.weight_field(row.values)
            product_id = _known_product(row.values, product_ids, "click")
            query_id = book.enter(row.values)
        except BadRow as bad:
            bad_rows.handle(bad, kind="clicks", path=path, line=row.line)
        else:
            pair = query_id, product_id
            clicked[pair] = clicked.get(pair, 0.0) + weight
    return clicked


def _read_judgments(path: Path, columns: Columns | None, product_ids: set[str], book: _QueryBook,
                    bad_rows: BadRows) -> dict[Pair, int]:
    judged: dict[Pair, int] = {}
    for row in read_rows(path, columns=columns, required=("query", "product_id", "grade")):
        try:
            if row.bad:
                raise row.bad
            grade = validation.grade_field(row.values)
            split = validation.split_field(row.values)
            product_id = _known_product(row.values, product_ids, "judgment")
            pair = book.enter(row.values), product_id
            if judged.get(pair, grade) != grade:
                raise BadRow("two grades for one pair",
                             f"product {product_id!r} has grade {judged[pair]} for this query "
                             f"already, and now {grade}",
                             "Keep one grade for every query and product.")
            book.name_split(pair[0], split)
        except BadRow as bad:
            bad_rows.handle(bad, kind="judgments", path=path, line=row.line)
        else:
            judged[pair] = grade
    return judged


def _known_product(values: Mapping[str, Any], product_ids: set[str], kind: str) -> str:
    product_id = validation.id_field(values, "product_id")
    if product_id not in product_ids:
        raise BadRow("unknown product_id",
                     f"the {kind} is on product_id {product_id!r}, which no product has",
                     "Add the product, or remove the row.")
    return product_id


def _assemble(catalogue: tuple[Product, ...], book: _QueryBook, clicked: dict[Pair, float],
              judged: dict[Pair, int], splits: dict[str, str], bad_rows: BadRows) -> Shop:
    judged_keys = {book.keys[query_id] for query_id, _ in judged}
    clicks: dict[Pair, float] = {}
    judgments: dict[Pair, int] = {}
    for (query_id, product_id), grade in judged.items():
        if splits[query_id] != "train":
            judgments[query_id, product_id] = grade
        if splits[query_id] != "test" and grade >= RELEVANT_GRADE:
            clicks[query_id, product_id] = 1.0
    for pair, weight in clicked.items():
        split = splits[pair[0]]
        if split == "test" and judged:
            bad_rows.dropped["clicks: on a test query"] += 1
            continue
        if split != "test":
            clicks[pair] = weight
        if split != "train" and book.keys[pair[0]] not in judged_keys:
            judgments[pair] = RELEVANT_GRADE
    relevant = {pair[0] for pair, grade in judgments.items() if grade >= RELEVANT_GRADE}
    hopeless = {pair[0] for pair in judgments} - relevant
    if hopeless:
        bad_rows.dropped["judgments: query without a relevant product"] += sum(
            pair[0] in hopeless for pair in judgments)
    used = {query_id for query_id, _ in (*clicks, *judgments)} - hopeless
    return Shop(
        products=catalogue,
        queries=tuple(Query(query_id, text) for query_id, text in book.texts.items()
                      if query_id in used),
        clicks=tuple(Click(*pair, weight) for pair, weight in clicks.items() if pair[0] in used),
        judgments=tuple(Judgment(*pair, grade) for pair, grade in judgments.items()
                        if pair[0] in used),
        splits={query_id: split for query_id, split in splits.items() if query_id in used},
        dropped_rows=dict(bad_rows.dropped),
    )


def _check_parts(shop: Shop, *, path, tune_share: float, test_share: float) -> None:
    remedy = "Give more queries, or bind other tune_share, test_share or salt."
    if not shop.clicks_of("train"):
        raise InputError("no pair is left to train on", path=path, remedy=remedy)
    for split, share in (("tune", tune_share), ("test", test_share)):
        if share and not shop.queries_of(split):
            raise InputError(f"none of the {len(shop.queries)} queries fell into the {split} part",
                             path=path, remedy=remedy)
