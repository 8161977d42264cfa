"""The Home Depot protocol, on a small folder of the same form and on the real one."""

import pytest

from gram_jax.catalog.datasets.home_depot import read_home_depot
from gram_jax.core.errors import InputError
from gram_jax.core.records import Product
from gram_jax.testing.row_files import write_rows


@pytest.fixture
def small_folder(tmp_path):
    write_rows(tmp_path / "products.jsonl.gz", [
        {"product_id": str(index), "title": f"angle {index}",
         "weak_attributes": {"brand": "simpson"} if index else {}} for index in range(6)])
    for part, queries in (("train", 20), ("dev", 5)):
        write_rows(tmp_path / f"judgments.{part}.jsonl.gz", [
            {"query_id": f"{part}{index}", "query": f"{part} query {index}", "grade": grade,
             "mean_relevance": 1.0, "product_id": str(grade)}
            for index in range(queries) for grade in range(4 if index else 2)] + [
            {"query_id": f"{part}x", "query": "In both", "grade": 3, "mean_relevance": 3.0,
             "product_id": "5"}])
    return tmp_path


def test_the_protocol(small_folder):
    shop = read_home_depot(small_folder, tune_queries=4)
    assert shop.products[1] == Product("1", "angle 1", {"brand": ("simpson",)})
    # Query 0 of each part has no product of grade 2; 'in both' is a dev query, so not trained on.
    assert shop.counts()["queries"] == {"train": 15, "tune": 4, "test": 5}
    assert "trainx" not in shop.splits and shop.splits["devx"] == "test"
    assert "dev0" not in shop.splits and "train0" not in shop.splits
    assert {click.product_id for click in shop.clicks} == {"2", "3"}
    assert shop.qrels("test")["dev1"] == {"0": 0, "1": 1, "2": 2, "3": 3}
    assert len(shop.qrels("tune")) == 4
    assert shop == read_home_depot(small_folder, tune_queries=4)
    assert shop.splits != read_home_depot(small_folder, tune_queries=4, salt="x").splits


def test_missing_files_say_what_to_fetch(small_folder):
    (small_folder / "judgments.dev.jsonl.gz").unlink()
    with pytest.raises(InputError, match=r"judgments\.dev") as caught:
        read_home_depot(small_folder)
    assert "Kaggle" in caught.value.remedy and "HOME_DEPOT" in caught.value.remedy
    with pytest.raises(InputError):
        read_home_depot(small_folder / "nowhere")


def test_the_real_files(home_depot_folder):
    shop = read_home_depot(home_depot_folder)
    counts = shop.counts()
    assert counts["products"] == 54667 and counts["queries"]["tune"] == 1000
    assert counts["queries"]["train"] > 7000 and counts["queries"]["test"] > 1000
    assert all(max(grades.values()) >= 2 for grades in shop.qrels("test").values())
