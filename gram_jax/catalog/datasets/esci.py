"""Amazon's Shopping Queries Data Set (ESCI) as a shop: one locale, one version.

`shopping_queries_dataset_products.parquet` holds the products of all locales: an id is unique
within a locale only. `shopping_queries_dataset_examples.parquet` holds the graded pairs: E (exact)
is grade 3, S (substitute) 2, C (complement) 1, I (irrelevant) 0, so E and S are relevant.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from gram_jax.catalog.datasets.graded_shop import GradeBook, GradedQuery, graded_shop
from gram_jax.catalog.datasets.official_fields import choice_field, plain_field, plain_text
from gram_jax.catalog.datasets.official_files import OfficialDataset, OfficialFile
from gram_jax.catalog.datasets.parsed_rows import parsed_rows
from gram_jax.catalog.shop import Shop
from gram_jax.catalog.validation import (
    BadRow,
    BadRows,
    attribute_values,
    id_field,
    text_field,
)
from gram_jax.core.errors import ConfigError
from gram_jax.core.records import Product

LOCALES = ("us", "es", "jp")
VERSIONS = ("small", "large")
FIELDS = ("brand", "color", "bullet_point", "description")
"""Our names of the product columns that may become attributes (theirs begin with product_)."""
GRADES = {"E": 3, "S": 2, "C": 1, "I": 0}
_IS_TEST = {"train": False, "test": True}
_FLAGS = {0: False, 1: True}
_UNTITLED = "products: without a title"
SOURCES = ("behavioral", "negations", "nlqec", "parse_pattern", "other")
"""How the queries were sampled, as shopping_queries_dataset_sources.csv says."""

PRODUCTS_FILE = "shopping_queries_dataset_products.parquet"
EXAMPLES_FILE = "shopping_queries_dataset_examples.parquet"
SOURCES_FILE = "shopping_queries_dataset_sources.csv"

ESCI = OfficialDataset(
    title="The Shopping Queries Data Set (ESCI)",
    homepage="https://github.com/amazon-science/esci-data",
    licence="Apache-2.0",
    citation="""@article{reddy2022shopping,
  title = {Shopping Queries Dataset: A Large-Scale {ESCI} Benchmark for Improving Product Search},
  author = {Reddy, Chandan K. and M{\\`a}rquez, Llu{\\'i}s and Valero, Fran and Rao, Nikhil and
            Zaragoza, Hugo and Bandyopadhyay, Sambaran and Biswas, Arnab and Xing, Anlu and
            Subbian, Karthik},
  year = {2022}, eprint = {2206.06588}, archivePrefix = {arXiv}
}""",
    how_to_get="Clone https://github.com/amazon-science/esci-data with git-lfs installed (1.2 GB) "
               "and take the files of its folder shopping_queries_dataset.",
    setting="ESCI",
    files=(
        OfficialFile(PRODUCTS_FILE, "sha256:25124442d064d64b26f74082d6fa09438d679efc0c183cf28d190"
                                    "64a2b65a265", 1_108_857_465),
        OfficialFile(EXAMPLES_FILE, "sha256:4a735b693b4a424a6fc67f5be6e4c811495c488bbf66d02a602d3"
                                    "08b2744263a", 51_286_808),
        OfficialFile(SOURCES_FILE, "git:de6d44dada3678af9954506f7c486b4a8914099c", 1_682_802),
    ))


def read_esci(folder: str | Path, *, locale: str = "us", version: str = "large",
              fields: Sequence[str] = FIELDS, tune_queries: int = 1000, salt: str = "gram",
              on_bad_rows: str = "refuse", verify_checksums: bool = True) -> Shop:
    """Reads the products and examples of one locale.

    Args:
      folder: where the official files lie.
      locale: 'us', 'es' or 'jp'.
      version: 'small' (task 1, the harder queries) or 'large' (all); the catalogue is the same.
      fields: which of `FIELDS` the products keep as attributes; the long ones take memory.
      tune_queries: how many of the official train queries are held out to choose settings on.
      salt: a different one holds out different queries.
      on_bad_rows: 'refuse' or 'skip'.
      verify_checksums: whether the files must be the published ones.

    Raises:
      InputError: a file is missing, changed or damaged, or a row is bad.
      ConfigError: a setting is unknown.
    """
    source = EsciSource(Path(folder), locale, version, tuple(fields), verify_checksums)
    return graded_shop(source, tune_queries=tune_queries, salt=salt, on_bad_rows=on_bad_rows)


@dataclasses.dataclass(frozen=True)
class EsciSource:
    """One locale and version of the official files; a `GradedSource`."""

    folder: Path
    locale: str = "us"
    version: str = "large"
    fields: tuple[str, ...] = FIELDS
    verify_checksums: bool = True

    def __post_init__(self):
        for name, value, known in (("locale", self.locale, LOCALES),
                                   ("version", self.version, VERSIONS)):
            if value not in known:
                raise ConfigError(f"{name} is {value!r}; it must be one of {known}")
        if unknown := set(self.fields) - set(FIELDS):
            raise ConfigError(f"fields holds {sorted(unknown)}; choose from {FIELDS}")

    def products(self, bad_rows: BadRows) -> Iterator[Product]:
        """The locale's products. One without a title could not be shown: it is left out."""
        path, = ESCI.locate(self.folder, [PRODUCTS_FILE], verify_checksums=self.verify_checksums)
        left_out = {f"product_{name}": None for name in FIELDS if name not in self.fields}
        required = ("product_id", "product_title", "product_locale",
                    *(f"product_{name}" for name in self.fields))
        seen: set[str] = set()

        def product(values: Mapping[str, Any]) -> Product | None:
            if _locale(values) != self.locale:
                return None
            product_id = id_field(values, "product_id")
            if product_id in seen:
                raise BadRow("duplicate product_id", f"product_id {product_id!r} stands twice "
                             f"in locale {self.locale}", "Fetch the file again.")
            seen.add(product_id)
            title = plain_field(values, "product_title")
            if not title:
                bad_rows.dropped[_UNTITLED] += 1
                return None
            return Product(product_id, title, self._attributes(values))

        return parsed_rows(path, product, bad_rows, kind="products", required=required,
                           columns=left_out)

    def graded_queries(self, product_ids: Set[str], bad_rows: BadRows) -> list[GradedQuery]:
        """The version's queries of the locale; grades of products without a title are left out."""
        path, = ESCI.locate(self.folder, [EXAMPLES_FILE], verify_checksums=self.verify_checksums)
        flag = f"{self.version}_version"
        book = GradeBook(product_ids)
        required = ("query", "query_id", "product_id", "product_locale", "esci_label",
                    "small_version", "large_version", "split")

        def enter(values: Mapping[str, Any]) -> None:
            if _locale(values) != self.locale or not choice_field(values, flag, _FLAGS):
                return
            product_id = id_field(values, "product_id")
            if product_id not in product_ids and bad_rows.dropped[_UNTITLED]:
                bad_rows.dropped["examples: of a product without a title"] += 1
                return
            book.enter(id_field(values, "query_id"), text_field(values, "query"), product_id,
                       choice_field(values, "esci_label", GRADES),
                       is_test=choice_field(values, "split", _IS_TEST))

        for _ in parsed_rows(path, enter, bad_rows, kind="examples", required=required):
            pass
        return book.queries()

    def _attributes(self, values: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        attributes = {}
        for name in self.fields:
            texts = attribute_values(name, values[f"product_{name}"])
            if name == "bullet_point":  # one a line
                texts = tuple(line for text in texts for line in text.split("\n"))
            texts = tuple(dict.fromkeys(filter(None, map(plain_text, texts))))
            if texts:
                attributes[name] = texts
        return attributes


def read_esci_sources(folder: str | Path, *, verify_checksums: bool = True) -> dict[str, str]:
    """query_id -> how the query was sampled, one of `SOURCES`.

    Raises:
      InputError: the file is missing, changed or damaged.
    """
    path, = ESCI.locate(folder, [SOURCES_FILE], verify_checksums=verify_checksums)
    known = {name: name for name in SOURCES}
    return dict(parsed_rows(
        path, lambda values: (id_field(values, "query_id"), choice_field(values, "source", known)),
        BadRows("refuse"), kind="sources", required=("query_id", "source")))


def _locale(values: Mapping[str, Any]) -> str:
    return choice_field(values, "product_locale", {locale: locale for locale in LOCALES})
