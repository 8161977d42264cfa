"""The Home Depot product search relevance data as a shop, from files prepared for retrieval.

The folder holds products.jsonl.gz (product_id, title, weak_attributes) and
judgments.train.jsonl.gz and judgments.dev.jsonl.gz (query_id, query, product_id, grade as
`home_depot_kaggle.home_depot_grade` gives it). The catalogue is every product; tune queries are
train queries held out by hash; test queries are the dev part. `home_depot_kaggle` reads the files
that Kaggle hands out.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from gram_jax.catalog.datasets.graded_shop import GradeBook, GradedQuery, graded_shop
from gram_jax.catalog.datasets.home_depot_kaggle import HOME_DEPOT_KAGGLE
from gram_jax.catalog.datasets.official_files import OfficialFile
from gram_jax.catalog.datasets.parsed_rows import parsed_rows
from gram_jax.catalog.shop import Shop
from gram_jax.catalog.validation import (
    BadRows,
    attribute_values,
    grade_field,
    id_field,
    text_field,
)
from gram_jax.core.records import Product

PRODUCTS_FILE, TRAIN_FILE, DEV_FILE = (
    "products.jsonl.gz", "judgments.train.jsonl.gz", "judgments.dev.jsonl.gz")

HOME_DEPOT = dataclasses.replace(
    HOME_DEPOT_KAGGLE,
    title="The prepared Home Depot data",
    how_to_get="Fetch 'Home Depot Product Search Relevance' from Kaggle (its terms forbid passing "
               "it on) and write these files with the rows that "
               "gram_jax/catalog/datasets/home_depot.py describes, or read Kaggle's own files "
               "with gin/experiments/home_depot_kaggle.gin.",
    setting="HOME_DEPOT",
    files=tuple(map(OfficialFile, (PRODUCTS_FILE, TRAIN_FILE, DEV_FILE))))


def read_home_depot(folder: str | Path, *, tune_queries: int = 1000, salt: str = "gram") -> Shop:
    """Reads the three files of `folder`.

    Args:
      folder: where the files lie.
      tune_queries: how many train queries are held out to choose settings on.
      salt: a different one holds out different queries.

    Raises:
      InputError: a file is missing or damaged; it says what to fetch and where it goes.
    """
    return graded_shop(HomeDepotSource(Path(folder)), tune_queries=tune_queries, salt=salt,
                       on_bad_rows="refuse")


@dataclasses.dataclass(frozen=True)
class HomeDepotSource:
    """The prepared files; a `GradedSource`."""

    folder: Path

    def products(self, bad_rows: BadRows) -> Iterator[Product]:
        """Every product, with its weak attributes."""
        def product(values: Mapping[str, Any]) -> Product:
            attributes = {name: attribute_values(name, value)
                          for name, value in values.get("weak_attributes", {}).items()}
            return Product(id_field(values, "product_id"), text_field(values, "title"), attributes)

        return parsed_rows(self._path(PRODUCTS_FILE), product, bad_rows, kind="products")

    def graded_queries(self, product_ids: Set[str], bad_rows: BadRows) -> list[GradedQuery]:
        """The queries of both parts."""
        book = GradeBook(product_ids)
        for name in (TRAIN_FILE, DEV_FILE):
            def enter(values: Mapping[str, Any], is_test: bool = name == DEV_FILE) -> None:
                book.enter(id_field(values, "query_id"), text_field(values, "query"),
                           id_field(values, "product_id"), grade_field(values), is_test=is_test)

            for _ in parsed_rows(self._path(name), enter, bad_rows, kind="judgments"):
                pass
        return book.queries()

    def _path(self, name: str) -> Path:
        names = (name, PRODUCTS_FILE, TRAIN_FILE, DEV_FILE)
        return HOME_DEPOT.locate(self.folder, names, verify_checksums=False)[0]
