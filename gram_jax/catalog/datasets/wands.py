"""Wayfair's WANDS as a shop: 42,994 products, 480 queries, 233,448 graded pairs.

The three files are tab separated whatever their names say. Exact is grade 3, Partial 1 (it misses
what the query asks for, and is most of the labels), Irrelevant 0, so Exact is what is relevant.
The publishers split nothing: test queries are held out by the hash of their text.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from gram_jax.catalog.datasets.graded_shop import GradeBook, GradedQuery, graded_shop
from gram_jax.catalog.datasets.official_fields import choice_field, plain_field
from gram_jax.catalog.datasets.official_files import OfficialDataset, OfficialFile
from gram_jax.catalog.datasets.parsed_rows import parsed_rows
from gram_jax.catalog.shop import Shop
from gram_jax.catalog.splits import hash_share, query_key
from gram_jax.catalog.validation import BadRow, BadRows, id_field, text_field
from gram_jax.core.records import Product

GRADES = {"Exact": 3, "Partial": 1, "Irrelevant": 0}
PRODUCTS_FILE, QUERIES_FILE, LABELS_FILE = "product.csv", "query.csv", "label.csv"

WANDS = OfficialDataset(
    title="WANDS",
    homepage="https://github.com/wayfair/WANDS",
    licence="MIT",
    citation="""@inproceedings{wands,
  title = {{WANDS}: Dataset for Product Search Relevance Assessment},
  author = {Chen, Yan and Liu, Shujian and Liu, Zheng and Sun, Weiyi and Baltrunas, Linas and
            Schroeder, Benjamin},
  booktitle = {Proceedings of the 44th European Conference on Information Retrieval},
  year = {2022}
}""",
    how_to_get="Clone https://github.com/wayfair/WANDS and take product.csv, query.csv and "
               "label.csv of its folder dataset.",
    setting="WANDS",
    files=(
        OfficialFile(PRODUCTS_FILE, "git:a415f7295dc0d90b3163ef606da611a4e9ddeca8"),
        OfficialFile(QUERIES_FILE, "git:acb3c1f4cf1b775f494225afec79ec2163fc3e03", 19_942),
        OfficialFile(LABELS_FILE, "git:2c09a0d7b1f77f6040deb5873b5a90b8ef1e3ae9"),
    ))


def read_wands(folder: str | Path, *, test_share: float = 0.5, tune_queries: int = 60,
               salt: str = "gram", on_bad_rows: str = "refuse",
               verify_checksums: bool = True) -> Shop:
    """Reads the three files.

    Args:
      folder: where they lie.
      test_share: the share of queries that are test queries, by the hash of their text.
      tune_queries: how many of the others are held out to choose settings on.
      salt: a different one holds out different queries.
      on_bad_rows: 'refuse' or 'skip'.
      verify_checksums: whether the files must be the published ones.

    Raises:
      InputError: a file is missing, changed or damaged, or a row is bad.
    """
    source = WandsSource(Path(folder), test_share, salt, verify_checksums)
    return graded_shop(source, tune_queries=tune_queries, salt=salt, on_bad_rows=on_bad_rows)


@dataclasses.dataclass(frozen=True)
class WandsSource:
    """The official files; a `GradedSource`."""

    folder: Path
    test_share: float = 0.5
    salt: str = "gram"
    verify_checksums: bool = True

    def products(self, bad_rows: BadRows) -> Iterator[Product]:
        """Every product, with its class, category path, description and features."""
        seen: set[str] = set()

        def product(values: Mapping[str, Any]) -> Product:
            product_id = id_field(values, "product_id")
            if product_id in seen:
                raise BadRow("duplicate product_id", f"product_id {product_id!r} stands twice",
                             "Fetch the file again.")
            seen.add(product_id)
            return Product(product_id, text_field(values, "product_name"), _attributes(values))

        return self._rows(PRODUCTS_FILE, product, bad_rows, "product_id", "product_name",
                          "product_class", "category hierarchy", "product_description",
                          "product_features")

    def graded_queries(self, product_ids: Set[str], bad_rows: BadRows) -> list[GradedQuery]:
        """Every labelled query."""
        texts = dict(self._rows(
            QUERIES_FILE, lambda values: (id_field(values, "query_id"),
                                          text_field(values, "query")),
            bad_rows, "query_id", "query"))
        book = GradeBook(product_ids)

        def enter(values: Mapping[str, Any]) -> None:
            query_id = id_field(values, "query_id")
            if query_id not in texts:
                raise BadRow("unknown query_id", f"the label is on query_id {query_id!r}, "
                             f"which {QUERIES_FILE} has not", "Fetch the files again.")
            text = texts[query_id]
            book.enter(query_id, text, id_field(values, "product_id"),
                       choice_field(values, "label", GRADES),
                       is_test=hash_share(query_key(text), self.salt) < self.test_share)

        for _ in self._rows(LABELS_FILE, enter, bad_rows, "query_id", "product_id", "label"):
            pass
        return book.queries()

    def _rows(self, name: str, parse: Callable[[Mapping[str, Any]], Any], bad_rows: BadRows,
              *required: str) -> Iterator[Any]:
        path, = WANDS.locate(self.folder, [name], verify_checksums=self.verify_checksums)
        return parsed_rows(path, parse, bad_rows, kind=f"{path.stem} rows", required=required,
                           delimiter="\t")


def _attributes(values: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    pairs = [("product_class", name) for name in plain_field(values, "product_class").split("|")]
    pairs.append(("category_hierarchy", plain_field(values, "category hierarchy")))
    pairs.append(("description", plain_field(values, "product_description")))
    pairs += features(plain_field(values, "product_features"))
    merged: dict[str, dict[str, None]] = {}
    for name, value in pairs:
        if value.strip():
            merged.setdefault(name, {})[value.strip()] = None
    return {name: tuple(texts) for name, texts in merged.items()}


def features(text: str) -> list[tuple[str, str]]:
    """The (name, value) pairs of `product_features`: 'color : red|color : blue|fits : 1:18'.

    A value may hold colons: the first one ends the name. An entry without a name goes on with the
    values of the one before it.
    """
    pairs: list[tuple[str, str]] = []
    for entry in text.split("|"):
        name, colon, value = (part.strip() for part in entry.partition(":"))
        if not colon:
            name, value = "", name
        if name or pairs:
            pairs.append((name or pairs[-1][0], value))
    return [(name, value) for name, value in pairs if value]
