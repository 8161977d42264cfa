"""From shops to what the codes stage leaves; figures on real products where they are present."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.catalog.datasets.home_depot import read_home_depot
from gram_jax.catalog.shop import Shop
from gram_jax.codes.build import build_codes
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.decisions import Decisions
from gram_jax.codes.examples import read_code_examples
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.core.errors import ConfigError
from gram_jax.core.records import Click, Product, Query
from gram_jax.testing.tiny_catalog import attributes_of, tiny_shop

_HOME_DEPOT = Path(__file__).parents[3] / "shared" / "data" / "home_depot"
_SMALL = MiningSettings(min_products=1, min_products_of_detail=1)


def _build(shop, settings=_SMALL):
    return build_codes(shop, attributes_of(shop), settings=settings)


def test_the_tiny_shops_artifacts_agree_and_read_back(tmp_path):
    built, shop = _build(tiny_shop()), tiny_shop()
    built.save(tmp_path, shop.products)
    table = CodeTable.load(tmp_path / "table")
    assert table.digest == built.code_table.digest
    assert Decisions.load(tmp_path).counts() == built.quality["candidates"]
    assert json.loads((tmp_path / "quality.json").read_text()) == built.quality
    products = tuple(built.product_examples(shop.products))
    for name, examples in (("query_codes.train", built.train_queries),
                           ("query_codes.tune", built.tune_queries),
                           ("product_codes.train", products)):
        assert tuple(read_code_examples(tmp_path / f"{name}.jsonl")) == examples
        assert all(set(example.codes) <= set(table.id_of_text) for example in examples)
    split = shop.splits
    assert {split[example.example_id] for example in built.train_queries} == {"train"}
    assert {split[example.example_id] for example in built.tune_queries} == {"tune"}
    for at, product in enumerate(shop.products):
        mine = [e.codes for e in products if e.example_id == product.product_id]
        wanted = {table.codes[code].text for code in table.codes_of(at)}
        assert {text for codes in mine for text in codes} == wanted


def test_tune_and_test_queries_do_not_shape_the_codes():
    shop = tiny_shop()
    train = [query for query in shop.queries if shop.splits[query.query_id] == "train"]
    alone = Shop(shop.products, tuple(train), shop.clicks_of("train"), (),
                 {query.query_id: "train" for query in train})
    one, other = _build(shop), _build(alone)
    assert one.code_table.digest == other.code_table.digest
    assert one.train_queries == other.train_queries


def test_a_shop_without_clicks_learns_from_pseudo_queries():
    built = _build(Shop(tiny_shop().products, (), (), (), {}),
                   MiningSettings(min_products=1, min_products_of_detail=1,
                                  pseudo_queries_per_product=20.0))
    assert built.quality["products_with_codes"] == 1.0
    train, tune = ({example.text for example in examples}
                   for examples in (built.train_queries, built.tune_queries))
    assert train and tune and not train & tune
    assert all(set(example.codes) <= set(built.code_table.id_of_text)
               for example in (*built.train_queries, *built.tune_queries))
    assert built.quality["tune_queries"]["relevant_products_reached"] > 0.9


def test_a_product_without_clicks_in_a_shop_with_clicks_has_codes():
    shop = tiny_shop()
    clicked = {click.product_id for click in shop.clicks_of("train")}
    cold = [at for at, product in enumerate(shop.products) if product.product_id not in clicked]
    newcomer = Product("p99", "Nike Boost kitchen drill, red", {"brand": ("Nike",)})
    grown = Shop((*shop.products, newcomer), shop.queries, shop.clicks, shop.judgments, shop.splits)
    table = _build(grown).code_table
    assert all(len(table.codes_of(at)) for at in [*cold, len(shop.products)])


_ODD = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40).filter(str.strip)


@settings(max_examples=15, deadline=None)
@given(st.lists(_ODD, min_size=1, max_size=4), _ODD)
def test_any_text_passes_through_to_codes_and_examples(tmp_path_factory, titles, query):
    titles = [*titles, "حذاء جري أحمر", "נעל ריצה אדומה", "赤いランニングシューズ", "👟 röd sko",
              "long " * 2000]
    many = {"color": tuple(f"shade {number}" for number in range(200)),
            **{f"field {number}": (f"value {number}",) for number in range(300)}}
    products = tuple(Product(f"p{at}-{copy}", title, many if copy else {"brand": (title[:30],)})
                     for at, title in enumerate(titles) for copy in range(2))
    shop = Shop(products, (Query("q", query), Query("r", titles[0])),
                (Click("q", "p0-0"), Click("r", "p1-0")), (), {"q": "train", "r": "train"})
    built = _build(shop)
    folder = tmp_path_factory.mktemp("odd")
    built.save(folder, shop.products)
    assert CodeTable.load(folder / "table").digest == built.code_table.digest
    examples = list(read_code_examples(folder / "product_codes.train.jsonl"))
    assert examples == list(built.product_examples(products))
    assert {example.codes for example in examples} and all(
        set(example.codes) <= set(built.code_table.id_of_text) for example in examples)


def test_a_shop_in_which_nothing_is_shared_is_told_what_to_do():
    lonely = Shop((Product("p", "box"), Product("r", "lamp")), (), (), (), {})
    with pytest.raises(ConfigError, match="min_products"):
        _build(lonely, MiningSettings())


@pytest.mark.heavy
@pytest.mark.skipif(not _HOME_DEPOT.is_dir(), reason=f"no Home Depot data in {_HOME_DEPOT}")
def test_home_depots_codes_reach_what_tune_queries_want():
    quality = _build(read_home_depot(_HOME_DEPOT), MiningSettings()).quality
    assert quality["products_with_codes"] > 0.99
    assert quality["codes_per_product"]["mean"] < 12
    assert quality["tune_queries"]["relevant_products_reached"] > 0.95
    assert quality["tune_queries"]["products_under_codes"] < 300
    assert quality["num_codes"] < 16000
    assert min(quality["granularity"].values()) > 0.03
