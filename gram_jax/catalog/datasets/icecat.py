"""Icecat's open product data, as querqy/chorus publishes it, as a shop without clicks.

The files are JSON arrays, zipped or in a tar archive. A product has id, title, supplier,
short_description, sometimes a price, and hundreds of fields named attr_t_* (text), attr_n_*
(number) and attr_b_* (flag). There are no clicks; Chorus' rated queries, where wanted, are test
queries.
"""

import contextlib
import dataclasses
import io
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import IO, Any

from gram_jax.catalog.datasets.graded_shop import GradeBook, GradedQuery, graded_shop
from gram_jax.catalog.datasets.json_array import json_array
from gram_jax.catalog.datasets.official_fields import choice_field, plain_field
from gram_jax.catalog.datasets.official_files import OfficialDataset, OfficialFile
from gram_jax.catalog.datasets.parsed_rows import parsed_rows
from gram_jax.catalog.shop import Shop
from gram_jax.catalog.splits import query_key
from gram_jax.catalog.validation import (
    BadRow,
    BadRows,
    attribute_values,
    check_unicode,
    id_field,
    text_field,
)
from gram_jax.core.errors import ConfigError, InputError
from gram_jax.core.records import Product

EDITIONS: Mapping[str, tuple[str, ...]] = {
    "19k": ("1.json.zip", "2.json.zip", "3.json.zip", "4.json.zip"),
    "150k": ("icecat-products-150k-20200809.tar.gz",),
}
"""Edition -> its files: the 19,406 products with a price, or all 150 thousand."""
RATINGS_FILE = "Broad_Query_Set_rated.csv"
_GRADES = {str(grade): grade for grade in range(4)}

ICECAT = OfficialDataset(
    title="Icecat's product data of querqy/chorus",
    homepage="https://github.com/querqy/chorus",
    licence="Open Content License of Icecat (https://iceclog.com/open-content-license-opl/)",
    citation="""@misc{chorus,
  title = {Chorus: Towards an open source tool stack for e-commerce search},
  howpublished = {https://github.com/querqy/chorus},
  note = {Product data by Icecat, ratings by Supahands}
}""",
    how_to_get="For the edition '19k', clone https://github.com/querqy/chorus and take 1.json.zip "
               "to 4.json.zip of its folder data-encoder/ecommerce/vectors/data, and "
               f"katas/{RATINGS_FILE} if rated queries are wanted. For '150k', fetch "
               "https://querqy.org/datasets/icecat/icecat-products-150k-20200809.tar.gz.",
    setting="ICECAT",
    files=(
        OfficialFile("1.json.zip", "git:8309bac96dfaf21d98a1916a0526789729ae7ab0", 1_558_268),
        OfficialFile("2.json.zip", "git:eba945053bbd53fab8b38462beaaab9f6ba2e6e2", 1_643_302),
        OfficialFile("3.json.zip", "git:f7cd22f4e998b73c4cb1d2867ead21f35f203ed8", 1_662_955),
        OfficialFile("4.json.zip", "git:c0cacee0cccc4446430c393435e25383f54654c6", 1_422_844),
        OfficialFile("icecat-products-150k-20200809.tar.gz"),
        OfficialFile(RATINGS_FILE, "git:de80d4912e77e4f2b73b5a5af78b782f2df10746", 75_875),
    ))


def read_icecat(folder: str | Path, *, edition: str = "19k", rated_queries: bool = False,
                on_bad_rows: str = "refuse", verify_checksums: bool = True) -> Shop:
    """Reads the products of an edition.

    Args:
      folder: where the files lie.
      edition: '19k' or '150k'.
      rated_queries: whether Chorus' rated queries become test queries; without them the shop has
        no query at all.
      on_bad_rows: 'refuse' or 'skip'.
      verify_checksums: whether the files must be the published ones.

    Raises:
      InputError: a file is missing, changed or damaged, or a row is bad.
      ConfigError: the edition is unknown.
    """
    source = IcecatSource(Path(folder), edition, rated_queries, verify_checksums)
    return graded_shop(source, tune_queries=0, salt="", on_bad_rows=on_bad_rows)


@dataclasses.dataclass(frozen=True)
class IcecatSource:
    """One edition; a `GradedSource`."""

    folder: Path
    edition: str = "19k"
    rated_queries: bool = False
    verify_checksums: bool = True

    def __post_init__(self):
        if self.edition not in EDITIONS:
            raise ConfigError(f"edition is {self.edition!r}; it must be one of {tuple(EDITIONS)}")

    def products(self, bad_rows: BadRows) -> Iterator[Product]:
        """Every product, with its supplier as brand, its description and its fields."""
        seen: set[str] = set()
        paths = ICECAT.locate(self.folder, EDITIONS[self.edition],
                              verify_checksums=self.verify_checksums)
        for path in paths:
            for line, values in _elements(path):
                try:
                    product = _product(values)
                    if product.product_id in seen:
                        raise BadRow("duplicate product_id", f"id {product.product_id!r} stands "
                                     "twice", "Keep one of them.")
                    seen.add(product.product_id)
                except BadRow as bad:
                    bad_rows.handle(bad, kind="products", path=path, line=line)
                else:
                    yield product

    def graded_queries(self, product_ids: Set[str], bad_rows: BadRows) -> list[GradedQuery]:
        """The rated queries, all of them test queries; none unless wanted."""
        if not self.rated_queries:
            return []
        path, = ICECAT.locate(self.folder, [RATINGS_FILE], verify_checksums=self.verify_checksums)
        book = GradeBook(product_ids)

        def enter(values: Mapping[str, Any]) -> None:
            text = text_field(values, "query")
            book.enter(query_key(text).replace(" ", "_"), text, id_field(values, "docid"),
                       choice_field(values, "rating", _GRADES), is_test=True)

        for _ in parsed_rows(path, enter, bad_rows, kind="ratings",
                             required=("query", "docid", "rating")):
            pass
        return book.queries()


def _product(values: Any) -> Product:
    if not isinstance(values, dict):
        raise BadRow("row is not an object", "an element of the array is no object",
                     "Fetch the file again.")
    check_unicode(values)
    attributes = {"brand": attribute_values("brand", values.get("supplier")),
                  "description": tuple(filter(None, [plain_field(values, "short_description")]))}
    for field, value in values.items():
        prefix, name = field[:7], field[7:]
        if prefix in ("attr_t_", "attr_n_", "attr_b_") and name:
            texts = attribute_values(name, value)
            attributes[name] = tuple(dict.fromkeys(attributes.get(name, ()) + texts))
    return Product(id_field(values, "id"), text_field(values, "title"),
                   {name: texts for name, texts in attributes.items() if texts})


def _elements(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        with _json_text(path) as text:
            yield from json_array(text, path)
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, UnicodeDecodeError) as error:
        raise InputError(f"the archive cannot be read ({error})", path=path,
                         remedy=ICECAT.how_to_get) from error


@contextlib.contextmanager
def _json_text(path: Path) -> Iterator[IO[str]]:
    """The first JSON file of an archive."""
    with contextlib.ExitStack() as stack:
        if path.suffix == ".zip":
            archive = stack.enter_context(zipfile.ZipFile(path))
            name = next((name for name in archive.namelist() if name.endswith(".json")), None)
            stream = name and stack.enter_context(archive.open(name))
        else:
            archive = stack.enter_context(tarfile.open(path))
            member = next((entry for entry in archive if entry.isfile()
                           and entry.name.endswith(".json")), None)
            stream = member and archive.extractfile(member)
        if stream is None:
            raise InputError("the archive holds no JSON file", path=path,
                             remedy=ICECAT.how_to_get)
        yield io.TextIOWrapper(stream, encoding="utf-8")
