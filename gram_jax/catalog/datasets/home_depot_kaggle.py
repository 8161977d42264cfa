"""Home Depot Product Search Relevance as a shop, from the files that Kaggle hands out.

All are comma separated and Latin-1. train.csv has rated pairs and the products' titles;
product_descriptions.csv and attributes.csv describe the products. Kaggle's test.csv has more
products and pairs; the ratings of these came later, as solution.csv. Kaggle split pairs, not
queries, so that its test part shares queries with the training part: test queries are held out by
the hash of their text instead.
"""

import dataclasses
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from gram_jax.catalog.datasets.graded_shop import GradedQuery, graded_shop
from gram_jax.catalog.datasets.official_fields import plain_field
from gram_jax.catalog.datasets.official_files import OfficialDataset, OfficialFile
from gram_jax.catalog.datasets.parsed_rows import parsed_rows
from gram_jax.catalog.shop import Shop
from gram_jax.catalog.splits import hash_share, query_key
from gram_jax.catalog.validation import BadRow, BadRows, id_field, text_field
from gram_jax.core.records import Product

TRAIN_FILE, DESCRIPTIONS_FILE, ATTRIBUTES_FILE = (
    "train.csv", "product_descriptions.csv", "attributes.csv")
TEST_FILE, SOLUTION_FILE = "test.csv", "solution.csv"
_GRADES = ((2.9, 3), (2.3, 2), (1.6, 1))  # (least mean rating, grade)

HOME_DEPOT_KAGGLE = OfficialDataset(
    title="Home Depot Product Search Relevance (Kaggle)",
    homepage="https://www.kaggle.com/competitions/home-depot-product-search-relevance",
    licence="The competition's rules on Kaggle: not to be passed on",
    citation="""@misc{home-depot-product-search-relevance,
  title = {Home Depot Product Search Relevance},
  author = {Montoya, Anna and {RG} and Cukierski, Will},
  howpublished = {Kaggle}, year = {2016},
  url = {https://kaggle.com/competitions/home-depot-product-search-relevance}
}""",
    how_to_get="Accept the rules at https://www.kaggle.com/competitions/"
               "home-depot-product-search-relevance, download its data and unzip the csv files.",
    setting="HOME_DEPOT_KAGGLE",
    files=tuple(map(OfficialFile, (TRAIN_FILE, DESCRIPTIONS_FILE, ATTRIBUTES_FILE, TEST_FILE,
                                   SOLUTION_FILE))))


def read_home_depot_kaggle(folder: str | Path, *, with_solution: bool = False,
                           test_share: float = 0.1, tune_queries: int = 1000, salt: str = "gram",
                           on_bad_rows: str = "refuse") -> Shop:
    """Reads the official files.

    Args:
      folder: where they lie.
      with_solution: whether test.csv and solution.csv add their products and rated pairs.
      test_share: the share of queries that are test queries, by the hash of their text.
      tune_queries: how many of the others are held out to choose settings on.
      salt: a different one holds out different queries.
      on_bad_rows: 'refuse' or 'skip'.

    Raises:
      InputError: a file is missing or damaged, or a row is bad.
    """
    source = HomeDepotKaggleSource(Path(folder), with_solution, test_share, salt)
    return graded_shop(source, tune_queries=tune_queries, salt=salt, on_bad_rows=on_bad_rows)


@dataclasses.dataclass(frozen=True)
class HomeDepotKaggleSource:
    """The official files; a `GradedSource`."""

    folder: Path
    with_solution: bool = False
    test_share: float = 0.1
    salt: str = "gram"

    def products(self, bad_rows: BadRows) -> Iterator[Product]:
        """Every product that has a title, in the order in which the pairs name them."""
        names = (TRAIN_FILE, TEST_FILE) if self.with_solution else (TRAIN_FILE,)
        titles: dict[str, str] = {}
        for name in names:
            for product_id, title in self._read(
                    name, ("product_uid", "product_title"), bad_rows, "titles",
                    lambda values: (id_field(values, "product_uid"),
                                    text_field(values, "product_title"))):
                titles.setdefault(product_id, title)
        attributes = self._attributes(titles.keys(), bad_rows)
        for product_id, title in titles.items():
            yield Product(product_id, title, {
                name: tuple(values) for name, values in attributes.get(product_id, {}).items()})

    def graded_queries(self, product_ids: Set[str], bad_rows: BadRows) -> list[GradedQuery]:
        """Every rated query; texts that differ in case or white space only are one query."""
        texts: dict[str, str] = {}
        ratings: dict[str, dict[str, list[float]]] = {}
        for text, product_id, rating in self._ratings(product_ids, bad_rows):
            key = query_key(text)
            texts.setdefault(key, text)
            ratings.setdefault(key, {}).setdefault(product_id, []).append(rating)
        return [GradedQuery(
            "q" + hashlib.sha256(key.encode()).hexdigest()[:12], text,
            hash_share(key, self.salt) < self.test_share,
            {product_id: home_depot_grade(sum(values) / len(values))
             for product_id, values in ratings[key].items()}) for key, text in texts.items()]

    def _ratings(self, product_ids: Set[str],
                 bad_rows: BadRows) -> Iterator[tuple[str, str, float]]:
        def pair(values: Mapping[str, Any], rating: float) -> tuple[str, str, float]:
            product_id = id_field(values, "product_uid")
            if product_id not in product_ids:
                raise BadRow("unknown product_uid", f"product {product_id!r} has no title",
                             "Fetch the files again.")
            return text_field(values, "search_term"), product_id, rating

        columns = ("id", "product_uid", "search_term")
        yield from self._read(TRAIN_FILE, (*columns, "relevance"), bad_rows, "pairs",
                              lambda values: pair(values, _rating(values)))
        if not self.with_solution:
            return
        solution = dict(self._read(
            SOLUTION_FILE, ("id", "relevance"), bad_rows, "solution",
            lambda values: (id_field(values, "id"), _rating(values, ignored="-1"))))

        def solved(values: Mapping[str, Any]) -> tuple[str, str, float] | None:
            rating = solution.get(id_field(values, "id"))
            return None if rating is None else pair(values, rating)

        yield from self._read(TEST_FILE, columns, bad_rows, "pairs", solved)

    def _attributes(self, wanted: Set[str], bad_rows: BadRows) -> dict[str, dict[str, dict]]:
        """product -> attribute -> its values (as the keys of a dict, in order)."""
        found: dict[str, dict[str, dict[str, None]]] = {}

        def described(values: Mapping[str, Any]) -> tuple[str, str, str] | None:
            text = plain_field(values, "product_description")
            return (id_field(values, "product_uid"), "description", text) if text else None

        def attribute(values: Mapping[str, Any]) -> tuple[str, str, str] | None:
            name, value = plain_field(values, "name"), plain_field(values, "value")
            # The published file has rows that are empty altogether, and names without a value.
            return (id_field(values, "product_uid"), name, value) if name and value else None

        for name, columns, parse in (
                (ATTRIBUTES_FILE, ("product_uid", "name", "value"), attribute),
                (DESCRIPTIONS_FILE, ("product_uid", "product_description"), described)):
            rows = self._read(name, columns, bad_rows, name.removesuffix(".csv"), parse)
            for product_id, field, value in rows:
                if product_id in wanted:
                    found.setdefault(product_id, {}).setdefault(field, {})[value] = None
        return found

    def _read(self, name: str, required: tuple[str, ...], bad_rows: BadRows, kind: str,
              parse: Callable[[Mapping[str, Any]], Any]) -> Iterator[Any]:
        path, = HOME_DEPOT_KAGGLE.locate(self.folder, [name], verify_checksums=False)
        return parsed_rows(path, parse, bad_rows, kind=kind, required=required,
                           encoding="latin-1")


def home_depot_grade(mean_rating: float) -> int:
    """3 at a mean rating of 2.9 or more, 2 at 2.3, 1 at 1.6, else 0.

    Ratings are means of a few votes on 1, 2, 3, published with two digits: 2.33 is (2 + 2 + 3) / 3.
    """
    return next((grade for least, grade in _GRADES if mean_rating >= least), 0)


def _rating(values: Mapping[str, Any], ignored: str | None = None) -> float | None:
    text = text_field(values, "relevance")
    try:
        rating = float(text)
    except ValueError:
        rating = math.nan
    if ignored is not None and rating == float(ignored):
        return None
    if not 1 <= rating <= 3:
        raise BadRow("wrong relevance", f"relevance is {text!r}, not a number from 1 to 3",
                     "Fetch the file again.")
    return rating
