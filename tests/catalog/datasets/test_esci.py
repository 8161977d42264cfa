"""ESCI from small files of the official schema: locales, versions, labels, oddities, refusals."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.catalog.datasets.esci import (
    EXAMPLES_FILE,
    GRADES,
    PRODUCTS_FILE,
    SOURCES_FILE,
    read_esci,
    read_esci_sources,
)
from gram_jax.catalog.datasets.official_fields import plain_text
from gram_jax.core.errors import ConfigError, InputError
from gram_jax.core.records import Click, Product
from gram_jax.testing.official_files import write_esci
from gram_jax.testing.row_files import write_rows


@pytest.fixture
def folder(tmp_path):
    return write_esci(tmp_path / "esci")


def read(folder, **settings):
    return read_esci(folder, **({"tune_queries": 0, "verify_checksums": False} | settings))


def test_products_of_the_locale_with_plain_text_and_without_untitled_ones(folder):
    shop = read(folder)
    assert list(shop.products) == [
        Product("B001", "Red Running Shoe & Sock", {
            "brand": ("Nike",), "color": ("Red",),
            "bullet_point": ("Breathable mesh", "Rubber sole"),
            "description": ("For runners . Sole < 3 in.",)}),
        Product("B002", "Blue Trail Shoe 👟", {"brand": ("Adidas",)}),
        Product("B003", "Shoe Polish", {"color": ("Black",), "description": ("Wax",)})]
    shoe, *_ = read(folder, fields=["brand"]).products
    assert shoe.attributes == {"brand": ("Nike",)}


def test_labels_become_grades_clicks_and_judgments(folder):
    shop = read(folder)
    assert shop.splits == {"1": "train", "2": "train", "5": "test", "6": "test"}
    assert set(shop.clicks) == {Click("1", "B001"), Click("2", "B002"), Click("2", "B001")}
    assert shop.qrels("test") == {"5": {"B001": 3, "B002": 2, "B003": 0}, "6": {"B002": 3}}
    assert shop.dropped_rows == {
        "products: without a title": 1, "examples: of a product without a title": 1,
        "judgments: query without a relevant product": 1,
        "judgments: training query that is also a test query": 1}
    assert len(read(folder, tune_queries=1).queries_of("tune")) == 1


def test_versions_and_locales(folder):
    assert read(folder, version="small").splits == {"1": "train", "5": "test"}
    spanish, japanese = read(folder, locale="es"), read(folder, locale="jp")
    assert [product.title for product in spanish.products] == ["Zapatilla roja para correr"]
    assert spanish.splits == {"7": "train"} and japanese.splits == {"8": "test"}
    assert japanese.products[0] == Product("B005", "ランニングシューズ 赤", {"color": ("赤",)})


def test_sources(folder):
    assert read_esci_sources(folder, verify_checksums=False)["3"] == "negations"
    (folder / SOURCES_FILE).write_text("query_id,source\n1,guesses\n")
    with pytest.raises(InputError, match="guesses") as caught:
        read_esci_sources(folder, verify_checksums=False)
    assert caught.value.line == 2


@given(st.lists(st.text(max_size=30) | st.sampled_from([
    "حذاء رياضي أحمر", "赤い 靴", "Größe 42 👟🏃", "x" * 10_000, "<b>", "a < b & c", "\u202eabc"]),
    min_size=1, max_size=4))
def test_any_text_passes_through(tmp_path_factory, texts):
    folder = write_esci(tmp_path_factory.mktemp("any"), products=[
        (f"B{place}", text, text, "\n".join([text] * 500), text, text, "us")
        for place, text in enumerate(texts)], examples=[
        (0, "red shoe", 1, "B0", "us", "E", 1, 1, "train")] if plain_text(texts[0]) else [
        (0, "red shoe", 1, "B0", "es", "E", 1, 1, "train")])
    kept = {f"B{place}": plain_text(text) for place, text in enumerate(texts)
            if plain_text(text)}
    shop = read(folder)
    assert {product.product_id: product.title for product in shop.products} == kept
    assert all(product.attributes["brand"] == (product.title,) for product in shop.products)


@pytest.mark.parametrize("setting", [{"locale": "uk"}, {"version": "huge"}, {"fields": ["price"]}])
def test_unknown_settings_are_refused_with_the_known(folder, setting):
    with pytest.raises(ConfigError, match=r"us|small|brand"):
        read(folder, **setting)


@pytest.mark.parametrize("name", [PRODUCTS_FILE, EXAMPLES_FILE])
def test_missing_and_changed_files(folder, name):
    with pytest.raises(InputError, match="not the published file"):
        read_esci(folder)
    (folder / name).unlink()
    with pytest.raises(InputError, match=name) as caught:
        read(folder)
    assert "github.com/amazon-science/esci-data" in caught.value.remedy
    assert "ESCI" in caught.value.remedy


@pytest.mark.parametrize("place, value, said", [
    (5, "Exact", "esci_label"), (4, "uk", "product_locale"), (8, "dev", "split"),
    (7, 2, "large_version"), (3, "B999", "B999"), (1, None, "query"), (2, None, "query_id"),
])
def test_a_wrong_row_is_refused_with_its_number_or_dropped(tmp_path, place, value, said):
    good = (0, "red shoe", 1, "B001", "us", "E", 1, 1, "test")
    bad = tuple(value if index == place else field for index, field in enumerate(good))
    products = [("B001", "Shoe", None, None, None, None, "us")]
    folder = write_esci(tmp_path, products=products, examples=[good, bad])
    with pytest.raises(InputError, match=said) as caught:
        read(folder)
    assert caught.value.line == 2 and caught.value.path == folder / EXAMPLES_FILE
    shop = read(folder, on_bad_rows="skip")
    assert shop.qrels("test") == {"1": {"B001": 3}} and sum(shop.dropped_rows.values()) == 1


def test_a_product_that_stands_twice_and_a_wrong_column(folder, tmp_path):
    row = ("B001", "Shoe", None, None, None, None, "us")
    twice = write_esci(tmp_path / "twice", products=[row, row])
    with pytest.raises(InputError, match="stands twice"):
        read(twice)
    write_rows(folder / PRODUCTS_FILE, [{"product_id": "B001", "title": "Shoe"}])
    with pytest.raises(InputError, match="product_title"):
        read(folder)


def test_the_rows_of_the_real_data_that_lie_beside_the_project(data_folder, tmp_path):
    source = data_folder("esci_mini")
    with gzip.open(source / "products.jsonl.gz", "rt", encoding="utf-8") as stream:
        products = [json.loads(line) for line in stream]
    with gzip.open(source / "judgments.jsonl.gz", "rt", encoding="utf-8") as stream:
        judgments = [json.loads(line) for line in stream]
    labels = {grade: label for label, grade in GRADES.items()}
    write_esci(tmp_path, products=[
        (row["product_id"], row["title"], None, row["bullets"], row["brand"], row["color"],
         row["locale"]) for row in products], examples=[
        (place, row["query"], int(row["query_id"][1:]), row["product_id"], row["locale"],
         labels[row["grade"]], 1, 1, "test" if place % 2 else "train")
        for place, row in enumerate({(row["query_id"], row["product_id"]): row
                                     for row in judgments}.values())])
    for locale in ("us", "es", "jp"):
        shop = read(tmp_path, locale=locale, on_bad_rows="skip")
        wanted = [row for row in products if row["locale"] == locale]
        assert len(shop.products) == len({row["product_id"] for row in wanted})
        assert all(max(grades.values()) >= 2 for grades in shop.qrels("test").values())
