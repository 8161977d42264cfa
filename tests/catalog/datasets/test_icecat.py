"""Icecat from small files of the official schema: a shop without clicks, rated queries."""

import gzip
import json
import zipfile

import pytest

from gram_jax.catalog.datasets.icecat import read_icecat
from gram_jax.core.errors import ConfigError, InputError
from gram_jax.core.records import Product
from gram_jax.testing.official_files import write_icecat


@pytest.fixture
def folder(tmp_path):
    return write_icecat(tmp_path / "icecat")


def read(folder, **settings):
    return read_icecat(folder, verify_checksums=False, **settings)


def test_products_and_no_queries(folder):
    shop = read(folder)
    assert len(shop.products) == 8 and shop.splits == {} and len(shop.clicks) == 0
    assert shop.products[0] == Product("100", 'Lenovo ThinkPad T0 14"', {
        "brand": ("Lenovo",), "product_colour": ("Black",), "weight": ("1800",),
        "width": ("33.5",), "touchscreen": ("touchscreen",), "bluetooth": ("bluetooth",)})
    assert shop.products[1].attributes["description"] == ("Core i5, 8GB SSD",)
    assert "touchscreen" not in shop.products[1].attributes
    assert list(read(folder, edition="150k").products) == list(shop.products)


def test_rated_queries_are_test_queries(folder):
    shop = read(folder, rated_queries=True)
    assert shop.splits == {"thin_laptop": "test"}
    assert shop.qrels("test") == {"thin_laptop": {"100": 3, "101": 0}}
    assert shop.dropped_rows == {"judgments: query without a relevant product": 1}


@pytest.mark.parametrize("change, said", [
    ({"title": ""}, "title"), ({"id": None}, "id"), ({"id": "100"}, "twice"),
    ({"attr_t_x": {"a": 1}}, "'a': 1"),
])
def test_a_wrong_product_is_refused_with_its_line_or_dropped(folder, change, said):
    path = folder / "3.json.zip"
    good = {"id": "200", "title": "A", "supplier": "B"}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("3.json", f"[\n{json.dumps(good)},\n{json.dumps(good | change)}]")
    with pytest.raises(InputError, match=said) as caught:
        read(folder)
    assert caught.value.path == path and caught.value.line == 3
    assert len(read(folder, on_bad_rows="skip").products) == 7


def test_missing_damaged_and_unknown_files(folder):
    with pytest.raises(ConfigError, match="19k"):
        read(folder, edition="200k")
    with pytest.raises(InputError, match="not the published file"):
        read_icecat(folder)
    (folder / "2.json.zip").write_bytes(b"PK no archive")
    with pytest.raises(InputError, match="archive"):
        read(folder)
    with zipfile.ZipFile(folder / "2.json.zip", "w") as archive:
        archive.writestr("readme.txt", "")
    with pytest.raises(InputError, match="no JSON"):
        read(folder)
    (folder / "2.json.zip").unlink()
    with pytest.raises(InputError, match=r"2\.json\.zip") as caught:
        read(folder)
    assert "github.com/querqy/chorus" in caught.value.remedy


def test_the_real_fields_that_lie_beside_the_project(data_folder, tmp_path):
    with gzip.open(data_folder("icecat") / "products.jsonl.gz", "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for _, line in zip(range(2000), stream)]
    prefix = {bool: "attr_b_", str: "attr_t_"}
    products = [{"id": row["product_id"], "title": row["title"], "supplier": row["brand"],
                 "short_description": row["description"],
                 **{prefix.get(type(value), "attr_n_") + name: value
                    for name, value in row["attributes"].items()}} for row in rows]
    write_icecat(tmp_path)
    with zipfile.ZipFile(tmp_path / "1.json.zip", "w") as archive:
        archive.writestr("1.json", json.dumps(products, indent=1))
    shop = read(tmp_path)
    assert len(shop.products) == 2006
    for row, product in zip(rows, shop.products):
        assert (product.product_id, product.title) == (row["product_id"], row["title"].strip())
        said = {name for name, value in row["attributes"].items() if value not in (False, "", None)}
        assert said <= set(product.attributes)
