"""Small files of the exact official schemas of the public data sets, for tests of their readers.

Column names, types, separators, encodings and oddities are those of the published files; the rows
are made up. Each writer puts its files into a folder and returns the folder.
"""

import csv
import io
import json
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow
from pyarrow import parquet

_EXAMPLES = pyarrow.schema([
    ("example_id", pyarrow.int64()), ("query", pyarrow.string()), ("query_id", pyarrow.int64()),
    ("product_id", pyarrow.string()), ("product_locale", pyarrow.string()),
    ("esci_label", pyarrow.string()), ("small_version", pyarrow.int64()),
    ("large_version", pyarrow.int64()), ("split", pyarrow.string())])
_PRODUCTS = pyarrow.schema([(f"product_{name}", pyarrow.string()) for name in (
    "id", "title", "description", "bullet_point", "brand", "color", "locale")])


def write_esci(folder: Path, *, products: Sequence[tuple] | None = None,
               examples: Sequence[tuple] | None = None) -> Path:
    """Writes the two parquet files, the sources, and QueryNER's labels into `folder/queryner`.

    Args:
      folder: made when missing.
      products: (id, title, description, bullets, brand, color, locale); by default six in two
        locales, one without a title, one id in both locales.
      examples: (example_id, query, query_id, product_id, locale, label, small, large, split).
    """
    (folder / "queryner").mkdir(parents=True, exist_ok=True)
    products = products if products is not None else [
        ("B001", "Red Running Shoe &amp; Sock", "<p>For <b>runners</b>.<br>Sole &lt; 3 in.</p>",
         "Breathable mesh\nRubber sole", "Nike", "Red", "us"),
        ("B002", "Blue Trail Shoe 👟", None, None, "Adidas", None, "us"),
        ("B003", "Shoe Polish", "Wax", "", None, "Black", "us"),
        ("B004", None, "No title here", None, None, None, "us"),
        ("B001", "Zapatilla roja para correr", None, None, "Nike", "Rojo", "es"),
        ("B005", "ランニングシューズ 赤", None, None, None, "赤", "jp")]
    # Queries 1 to 4 are train, 5 and 6 test; 4 asks what test query 5 asks.
    examples = examples if examples is not None else [
        (0, "red shoe", 1, "B001", "us", "E", 1, 1, "train"),
        (1, "red shoe", 1, "B003", "us", "C", 1, 1, "train"),
        (2, " trail shoe", 2, "B002", "us", "E", 0, 1, "train"),
        (3, " trail shoe", 2, "B001", "us", "S", 0, 1, "train"),
        (4, "polish -wax", 3, "B003", "us", "I", 1, 1, "train"),
        (5, "Running  Shoe", 4, "B001", "us", "E", 1, 1, "train"),
        (6, "running shoe", 5, "B001", "us", "E", 1, 1, "test"),
        (7, "running shoe", 5, "B002", "us", "S", 1, 1, "test"),
        (8, "running shoe", 5, "B003", "us", "I", 1, 1, "test"),
        (9, "running shoe", 5, "B004", "us", "E", 1, 1, "test"),
        (10, "trail", 6, "B002", "us", "E", 0, 1, "test"),
        (11, "zapatilla roja", 7, "B001", "es", "E", 1, 1, "train"),
        (12, "赤い靴", 8, "B005", "jp", "E", 1, 1, "test")]
    for name, schema, rows in (("products", _PRODUCTS, products),
                               ("examples", _EXAMPLES, examples)):
        table = pyarrow.Table.from_pylist([dict(zip(schema.names, row)) for row in rows], schema)
        parquet.write_table(table, folder / f"shopping_queries_dataset_{name}.parquet")
    ids = sorted({row[2] for row in examples} - {None})
    sources = "".join(f"{query_id},{'negations' if query_id == 3 else 'other'}\n"
                      for query_id in ids)
    (folder / "shopping_queries_dataset_sources.csv").write_text("query_id,source\n" + sources)
    labels = {"train": (0, ["B-color", "B-core_product_type"]),
              "dev": (2, ["B-modifier", "B-core_product_type"]),
              "test": (6, ["B-core_product_type", "I-core_product_type"])}
    for part, (example_id, found) in labels.items():
        (folder / "queryner" / f"{part}.jsonl").write_text(
            json.dumps({"example_id": example_id, "labels": found}) + "\n")
    return folder


def write_wands(folder: Path, *, num_queries: int = 12) -> Path:
    """Writes product.csv, query.csv and label.csv, tab separated, quoted as pandas quotes."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_delimited(folder / "product.csv", [
        ["product_id", "product_name", "product_class", "category hierarchy",
         "product_description", "product_features", "rating_count", "average_rating",
         "review_count"],
        ["0", "solid wood platform bed", "Beds", "Furniture / Bedroom Furniture / Beds",
         "good , deep sleep", "overallwidth-sidetoside:64.7|color : red|color:dark red|"
         "basematerialdetails : steel| : gray wood|scale : 1:18| ", "15.0", "4.5", "15.0"],
        ["1", "fletcher 27.5 '' wide \"accent\" chair", "Teen Lounge Furniture|Accent Chairs", "",
         "", "", "", "", ""],
        ["2", "bar stool", "", "Furniture / Bar", "two\nlines", "no colon here|seats : 2", "1.0",
         "5.0", "1.0"],
    ], "\t")
    _write_delimited(folder / "query.csv", [["query_id", "query", "query_class"], *(
        [str(index), f"bed {index}" if index else 'fawkes 36" blue vanity', "Beds" * (index % 2)]
        for index in range(num_queries))], "\t")
    labels = [(str(query), str(product), label) for query in range(num_queries)
              for product, label in enumerate(("Exact", "Partial", "Irrelevant"))]
    _write_delimited(folder / "label.csv", [["id", "query_id", "product_id", "label"], *(
        [str(place), *row] for place, row in enumerate(labels))], "\t")
    return folder


def write_home_depot_kaggle(folder: Path, *, num_queries: int = 30) -> Path:
    """Writes Kaggle's five files in Latin-1; every query has one product of each grade."""
    folder.mkdir(parents=True, exist_ok=True)
    titles = {"100001": "Simpson Strong-Tie 12-Gauge Angle", "100002": "BEHR 1-gal. 90° DeckOver",
              "100003": "Décor, \"Café\" 1/2 in. Tile", "100004": "Only in Kaggle's test part"}
    relevance = {"100001": "3", "100002": "2.33", "100003": "1.67"}
    header = ["id", "product_uid", "product_title", "search_term"]
    pairs = [[uid, titles[uid], f"angle bracket {query}", rating]
             for query in range(num_queries) for uid, rating in relevance.items()]
    pairs.append(["100003", titles["100003"], "Angle  Bracket 0", "1"])  # the same query again
    _latin(folder / "train.csv", [[*header, "relevance"], *(
        [str(place), *row] for place, row in enumerate(pairs))])
    _latin(folder / "test.csv", [header, ["9000", "100004", titles["100004"], "angle bracket 1"],
                                 ["9001", "100001", titles["100001"], "spare query"]])
    _latin(folder / "solution.csv", [["id", "relevance", "Usage"], ["9000", "2.67", "Public"],
                                     ["9001", "-1", "Ignored"]])
    _latin(folder / "product_descriptions.csv", [["product_uid", "product_description"], *(
        [uid, f"{title} keeps 90° corners"] for uid, title in titles.items())])
    _latin(folder / "attributes.csv", [
        ["product_uid", "name", "value"],
        ["100001", "Bullet01", "Versatile connector, for <B>90°</B>"],
        ["100001", "MFG Brand Name", "Simpson Strong-Tie"], ["100001", "Material", "Steel"],
        ["100001", "Material", "Zinc"], ["", "", ""], ["100002", "Color Family", ""],
        ["100002", "MFG Brand Name", "BEHR"], ["999999", "Material", "of no product"]])
    return folder


def write_icecat(folder: Path) -> Path:
    """Writes the four zips of the edition '19k', the archive of '150k' and the ratings."""
    folder.mkdir(parents=True, exist_ok=True)
    products = [{
        "id": str(100 + place), "name": f"T{place}", "title": f"Lenovo ThinkPad T{place} 14\"",
        "ean": ["0095205603217"], "img_high": "http://images.icecat.biz/x.jpg",
        "date_released": "2009-12-10T00:00:00Z", "supplier": "Lenovo", "price": 4995,
        **({"short_description": "Core i5, 8GB<br>SSD"} if place % 2 else {}),
        "attr_t_product_colour": "Black", "attr_n_weight": 1800.0, "attr_n_width": 33.5,
        "attr_b_touchscreen": place == 0, "attr_b_bluetooth": True} for place in range(8)]
    for number in range(4):
        part = json.dumps(products[2 * number:2 * number + 2], indent=1)
        with zipfile.ZipFile(folder / f"{number + 1}.json.zip", "w") as archive:
            archive.writestr(f"{number + 1}.json", part)
    data = json.dumps(products).encode()
    with tarfile.open(folder / "icecat-products-150k-20200809.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("icecat-products-150k-20200809.json")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    (folder / "Broad_Query_Set_rated.csv").write_text(
        "query,docid,rating\nthin laptop,100,3\nthin laptop,101,0\nprinter,102,1\n")
    return folder


def _latin(path: Path, rows: Sequence[Sequence[str]]) -> None:
    _write_delimited(path, rows, ",", encoding="latin-1")


def _write_delimited(path: Path, rows: Sequence[Sequence[str]], delimiter: str,
                     encoding: str = "utf-8") -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
