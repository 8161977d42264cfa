"""A shop is consistent by construction and comes back from disk as it was."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.catalog.shop import Shop, read_shop, write_shop
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


@pytest.mark.parametrize("name", ["products", "queries", "clicks", "judgments"])
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
