"""A shop is consistent by construction and comes back from disk as it was."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.catalog.pairs import PairColumns
from gram_jax.catalog.shop import Shop, read_shop, write_shop
from gram_jax.core.clicks import ClickTable
from gram_jax.core.errors import ArtifactError
from gram_jax.core.records import Click, Judgment, Product, Query
from gram_jax.testing.tiny_catalog import tiny_shop

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(title=texts, query=texts, values=st.lists(texts, min_size=1), weight=st.floats(0.5, 1e6))
def test_any_text_survives_the_disk(tmp_path_factory, title, query, values, weight):
    folder = tmp_path_factory.mktemp("shop") / "shop"
    shop = Shop((Product("p", title, {"brand": tuple(values)}),), (Query("q", query),),
                (Click("q", "p", weight),), (Judgment("q", "p", 2),), {"q": "tune"},
                {"products: empty title": 3})
    write_shop(shop, folder)
    assert read_shop(folder) == shop


def test_splits_part_queries_clicks_and_judgments():
    shop = tiny_shop()
    assert sum(len(shop.queries_of(split)) for split in ("train", "tune", "test")) == len(
        shop.queries)
    assert shop.qrels("train") == {}
    assert set(shop.qrels("test")) == {query.query_id for query in shop.queries_of("test")}
    assert shop.clicks_of("test") == ()
    assert len(shop.clicks_of("train")) + len(shop.clicks_of("tune")) == len(shop.clicks)
    assert shop.product_by_id["p05"].title.startswith("Kohler")
    with pytest.raises(ValueError, match="dev"):
        shop.queries_of("dev")


@pytest.mark.parametrize(("changes", "message"), [
    ({"products": (Product("p", "a"), Product("p", "b"))}, "'p' occurs twice"),
    ({"queries": (Query("q", "a"), Query("q", "b"))}, "'q' occurs twice"),
    ({"splits": {}}, "only one of"),
    ({"splits": {"q": "dev"}}, "'dev'"),
    ({"clicks": (Click("q", "nix"),)}, "unknown product 'nix'"),
    ({"clicks": (Click("nix", "p"),)}, "unknown query 'nix'"),
    ({"splits": {"q": "test"}}, "which is a test query"),
    ({"clicks": (), "judgments": (Judgment("q", "p", 3),)}, "which is a train query"),
])
def test_what_does_not_hold_together_is_refused(changes, message):
    shop = Shop((Product("p", "a"),), (Query("q", "a"),), (Click("q", "p"),), (), {"q": "train"})
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(shop, **changes)


@pytest.mark.parametrize("name", ["products", "queries"])
def test_a_shop_that_lost_rows_is_not_read(tmp_path, name):
    write_shop(tiny_shop(), tmp_path / "shop")
    file = tmp_path / "shop" / f"{name}.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:-1]))
    with pytest.raises(ArtifactError, match="shop"):
        read_shop(tmp_path / "shop")
    file.write_text("".join(lines)[:-20])
    with pytest.raises(ArtifactError, match="does not hold a whole shop"):
        read_shop(tmp_path / "shop")
    file.unlink()
    with pytest.raises(ArtifactError, match="prepare the shop again"):
        read_shop(tmp_path / "shop")


@pytest.mark.parametrize("name", ["clicks", "judgments"])
def test_a_shop_whose_pairs_are_damaged_is_not_read(tmp_path, name):
    write_shop(tiny_shop(), tmp_path / "shop")
    file = tmp_path / "shop" / f"{name}.npz"
    with np.load(file) as stored:
        arrays = dict(stored)
    whole = file.read_bytes()
    elsewhere = {"products": np.full_like(arrays["products"], 99),
                 "amounts": arrays["amounts"].astype(np.float32), "queries": np.zeros(0, np.int32)}
    for column, damaged in elsewhere.items():
        np.savez(file, **(arrays | {column: damaged}))
        with pytest.raises(ArtifactError, match="does not hold a whole shop"):
            read_shop(tmp_path / "shop")
    np.savez(file, **{column: array[1:] for column, array in arrays.items()})
    with pytest.raises(ArtifactError, match="do not agree with counts"):
        read_shop(tmp_path / "shop")
    for broken in (whole[:-20], whole[:200] + b"xxxx" + whole[204:], b""):
        file.write_bytes(broken)
        with pytest.raises(ArtifactError, match="prepare the shop again"):
            read_shop(tmp_path / "shop")


def test_a_shop_from_disk_answers_as_the_one_in_memory(tmp_path):
    shop = tiny_shop()
    write_shop(shop, tmp_path / "shop")
    stored = read_shop(tmp_path / "shop")
    assert (stored.product_ids, stored.product_by_id) == (shop.product_ids, shop.product_by_id)
    for split in ("train", "tune", "test"):
        assert stored.clicks_of(split) == shop.clicks_of(split)
        assert stored.qrels(split) == shop.qrels(split)
        ours, theirs = stored.click_table(split), shop.click_table(split)
        expected = ClickTable.of_clicks(
            shop.clicks, [query.query_id for query in shop.queries_of(split)], shop.product_ids)
        for table in (ours, theirs):
            assert table.query_ids == expected.query_ids
            for name in ("starts", "products", "weights"):
                np.testing.assert_array_equal(getattr(table, name), getattr(expected, name))
    again = dataclasses.replace(stored, dropped_rows={})
    write_shop(again, tmp_path / "again")
    assert read_shop(tmp_path / "again") == shop


def test_columns_that_do_not_belong_to_the_shop_are_refused():
    shop = Shop((Product("p", "a"),), (Query("q", "a"),), (), (), {"q": "test"})
    columns = PairColumns(Click, ("q",), ("p",), np.zeros(1, np.int32), np.zeros(1, np.int32),
                          np.ones(1))
    with pytest.raises(ValueError, match="which is a test query"):
        dataclasses.replace(shop, clicks=columns)
    with pytest.raises(ValueError, match="other queries or products"):
        dataclasses.replace(shop, clicks=dataclasses.replace(columns, product_ids=("r",)))
