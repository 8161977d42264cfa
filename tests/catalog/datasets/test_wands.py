"""WANDS from small files of the official schema: features, grades, held-out queries, refusals."""

import pytest

from gram_jax.catalog.datasets.wands import features, read_wands
from gram_jax.core.errors import InputError
from gram_jax.core.records import Product
from gram_jax.testing.official_files import write_wands


@pytest.fixture
def folder(tmp_path):
    return write_wands(tmp_path / "dataset")


def read(folder, **settings):
    return read_wands(folder, **({"tune_queries": 2, "verify_checksums": False} | settings))


def test_products_and_their_features(folder):
    bed, chair, stool = read(folder).products
    assert bed == Product("0", "solid wood platform bed", {
        "product_class": ("Beds",),
        "category_hierarchy": ("Furniture / Bedroom Furniture / Beds",),
        "description": ("good , deep sleep",), "overallwidth-sidetoside": ("64.7",),
        "color": ("red", "dark red"), "basematerialdetails": ("steel", "gray wood"),
        "scale": ("1:18",)})
    assert chair == Product("1", "fletcher 27.5 '' wide \"accent\" chair", {
        "product_class": ("Teen Lounge Furniture", "Accent Chairs")})
    assert stool.attributes["description"] == ("two lines",)
    assert stool.attributes["seats"] == ("2",)


@pytest.mark.parametrize("text, pairs", [
    ("", []), ("a:1|a : 2", [("a", "1"), ("a", "2")]), ("a : b : c", [("a", "b : c")]),
    ("a: |b:2", [("b", "2")]), (":x|a:1|more", [("a", "1"), ("a", "more")]), ("|||", []),
])
def test_features(text, pairs):
    assert features(text) == pairs


def test_grades_and_held_out_queries(folder):
    shop = read(folder)
    counts = shop.counts()["queries"]
    assert counts["tune"] == 2 and counts["test"] > 0 and sum(counts.values()) == 12
    assert {click.product_id for click in shop.clicks} == {"0"}
    assert all(grades == {"0": 3, "1": 1, "2": 0} for grades in shop.qrels("test").values())
    assert shop == read(folder) and shop.splits != read(folder, salt="x").splits
    assert set(read(folder, test_share=1.0).splits.values()) == {"test"}
    assert 'fawkes 36" blue vanity' in {query.text for query in shop.queries}


def test_missing_and_changed_files(folder):
    with pytest.raises(InputError, match="not the published file"):
        read_wands(folder)
    (folder / "label.csv").unlink()
    with pytest.raises(InputError, match=r"no label\.csv") as caught:
        read(folder)
    assert "github.com/wayfair/WANDS" in caught.value.remedy


@pytest.mark.parametrize("name, row, said", [
    ("label.csv", "99\t0\t0\texact", "'Exact'"), ("label.csv", "99\t77\t0\tExact", "'77'"),
    ("label.csv", "99\t0\t77\tExact", "'77'"), ("label.csv", "99\t0\t0\tPartial", "grade"),
    ("label.csv", "99\t0", "fields"), ("query.csv", "50\t\tBeds", "query"),
    ("product.csv", "0\tbed\t\t\t\t\t\t\t", "twice"), ("product.csv", "9\t\t\t\t\t\t\t\t", "name"),
])
def test_a_wrong_row_is_refused_with_its_line_or_dropped(folder, name, row, said):
    path = folder / name
    path.write_text(path.read_text() + row + "\n")
    line = len(path.read_text().splitlines())
    with pytest.raises(InputError, match=said) as caught:
        read(folder)
    assert caught.value.path == path and caught.value.line == line and caught.value.remedy
    assert sum(read(folder, on_bad_rows="skip").dropped_rows.values()) == 1


def test_commas_instead_of_tabs_lack_the_columns(folder):
    path = folder / "label.csv"
    path.write_text(path.read_text().replace("\t", ","))
    with pytest.raises(InputError, match="query_id"):
        read(folder)
