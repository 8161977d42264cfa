"""Home Depot from small files as Kaggle's are: Latin-1, empty rows, ratings, one query twice."""

import pytest

from gram_jax.catalog.datasets.home_depot_kaggle import (
    home_depot_grade,
    read_home_depot_kaggle,
)
from gram_jax.core.errors import InputError
from gram_jax.core.records import Product
from gram_jax.testing.official_files import write_home_depot_kaggle


@pytest.fixture
def folder(tmp_path):
    return write_home_depot_kaggle(tmp_path / "kaggle")


def read(folder, **settings):
    return read_home_depot_kaggle(folder, **({"tune_queries": 5} | settings))


@pytest.mark.parametrize("rating, grade", [
    (1, 0), (1.33, 0), (1.5, 0), (1.6, 1), (1.67, 1), (2, 1), (2.25, 1), (2.3, 2), (2.33, 2),
    (2.67, 2), (2.9, 3), (3, 3)])
def test_grades(rating, grade):
    assert home_depot_grade(rating) == grade


def test_products_have_titles_attributes_and_descriptions(folder):
    angle, deck, tile = read(folder).products
    assert angle == Product("100001", "Simpson Strong-Tie 12-Gauge Angle", {
        "Bullet01": ("Versatile connector, for 90°",), "MFG Brand Name": ("Simpson Strong-Tie",),
        "Material": ("Steel", "Zinc"),
        "description": ("Simpson Strong-Tie 12-Gauge Angle keeps 90° corners",)})
    assert deck.title == "BEHR 1-gal. 90° DeckOver" and "Color Family" not in deck.attributes
    assert tile.title == 'Décor, "Café" 1/2 in. Tile'


def test_queries_are_split_by_their_text(folder):
    shop = read(folder)
    counts = shop.counts()["queries"]
    assert sum(counts.values()) == 30 and counts["tune"] == 5 and counts["test"] > 0
    assert {click.product_id for click in shop.clicks} == {"100001", "100002"}
    assert {tuple(sorted(grades.values())) for split in ("tune", "test")
            for grades in shop.qrels(split).values()} <= {(1, 2, 3), (0, 2, 3)}
    assert shop == read(folder) and shop.splits != read(folder, salt="x").splits


def test_one_query_typed_twice_is_one_query_and_its_ratings_are_averaged(folder):
    everything = read(folder, test_share=1.0)
    first, = (query for query in everything.queries if query.text == "angle bracket 0")
    # (1.67 + 1) / 2 is below 1.6.
    assert everything.qrels("test")[first.query_id] == {"100001": 3, "100002": 2, "100003": 0}


def test_the_solution_adds_products_and_pairs(folder):
    shop = read(folder, with_solution=True, test_share=1.0)
    assert len(shop.products) == 4 and len(shop.queries) == 30
    graded = {query.text: shop.qrels("test")[query.query_id] for query in shop.queries}
    assert graded["angle bracket 1"]["100004"] == 2 and "spare query" not in graded


@pytest.mark.parametrize("name", ["train.csv", "attributes.csv", "product_descriptions.csv"])
def test_missing_files(folder, name):
    (folder / name).unlink()
    with pytest.raises(InputError, match=name) as caught:
        read(folder)
    assert "kaggle.com" in caught.value.remedy and "HOME_DEPOT_KAGGLE" in caught.value.remedy
    (folder / "solution.csv").unlink()
    with pytest.raises(InputError):
        read(folder, with_solution=True)


@pytest.mark.parametrize("name, row, said", [
    ("train.csv", "900,100001,Angle,angle,4", "relevance"),
    ("train.csv", "900,100001,Angle,angle,high", "relevance"),
    ("train.csv", "900,100001,Angle,,3", "search_term"),
    ("attributes.csv", ",Material,Steel", "product_uid"),
])
def test_a_wrong_row_is_refused_with_its_line_or_dropped(folder, name, row, said):
    path = folder / name
    line = path.read_bytes().count(b"\n") + 1
    path.write_bytes(path.read_bytes() + row.encode("latin-1") + b"\n")
    with pytest.raises(InputError, match=said) as caught:
        read(folder)
    assert caught.value.path == path and caught.value.line == line
    assert sum(read(folder, on_bad_rows="skip").dropped_rows.values()) == 1
