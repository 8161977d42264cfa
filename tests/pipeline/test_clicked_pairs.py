"""Clicked pairs: each once, with what both sides read and the codes mined for both."""

import dataclasses

import numpy as np
import pytest

from gram_jax.codes.build import build_codes
from gram_jax.codes.examples import product_text, read_code_examples, write_code_examples
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.core.errors import ConfigError
from gram_jax.core.records import Click, Query
from gram_jax.pipeline.clicked_pairs import read_clicked_pairs
from gram_jax.testing.tiny_catalog import attributes_of, tiny_shop

SHOP = tiny_shop()


@pytest.fixture(scope="module")
def mined(tmp_path_factory):
    """The code table of the tiny shop and the file of its train queries' codes."""
    artifacts = build_codes(SHOP, attributes_of(SHOP), settings=MiningSettings(
        min_products=1, min_products_of_detail=1))
    path = tmp_path_factory.mktemp("codes") / "query_codes.train.jsonl"
    write_code_examples(path, artifacts.train_queries)
    return artifacts.code_table, path


def read(mined, shop=SHOP, *, max_pairs=None, seed=0):
    return read_clicked_pairs(shop, *mined, max_pairs=max_pairs, seed=seed)


def test_pairs_are_the_clicks_of_train_queries(mined):
    found = read(mined)
    pairs = [(found.query_ids[query], found.product_ids[product])
             for query, product in zip(found.queries, found.products)]
    assert sorted(pairs) == sorted(
        (click.query_id, click.product_id) for click in SHOP.clicks_of("train"))
    texts = {query.query_id: query.text for query in SHOP.queries}
    assert found.query_inputs == tuple(f"query: {texts[name]}" for name in found.query_ids)
    for name, text in zip(found.product_ids, found.product_inputs):
        assert text.startswith("product: ")
        first = product_text(SHOP.product_by_id[name]).split()[0].lower()
        assert text.split()[1] == first


def test_what_is_mined_for_a_pair_reaches_its_product_from_its_query(mined):
    table, path = mined
    found = read(mined)
    of_query = {example.example_id: example.codes for example in read_code_examples(path)}
    rows = found.mined(table.num_codes)
    assert len(rows.codes)
    for pair, (query, product) in enumerate(zip(found.queries, found.products)):
        at = table.product_ids.index(found.product_ids[product])
        filed = {table.codes[code].text for code in table.codes_of(at)}
        assert [table.codes[code].text for code in rows.of_row(pair)] == [
            text for text in of_query.get(found.query_ids[query], ()) if text in filed]


def test_some_pairs_are_drawn_by_the_seed(mined):
    drawn = [read(mined, max_pairs=5, seed=seed) for seed in (0, 0, 1)]
    named = [[(found.query_ids[query], found.product_ids[product])
              for query, product in zip(found.queries, found.products)] for found in drawn]
    assert named[0] == named[1] != named[2] and all(len(set(pairs)) == 5 for pairs in named)
    for found in drawn:
        assert set(np.unique(found.queries)) == set(range(len(found.query_ids)))
        assert set(np.unique(found.products)) == set(range(len(found.product_ids)))


def test_a_query_without_text_is_left_out(mined):
    shop = dataclasses.replace(
        SHOP, queries=(*SHOP.queries, Query("q99", " ")),
        clicks=(*SHOP.clicks, Click("q99", "p01")), splits={**SHOP.splits, "q99": "train"})
    assert "q99" not in read(mined, shop).query_ids


def test_a_shop_without_clicks_is_told_to_leave_alignment_out(mined):
    with pytest.raises(ConfigError, match=r"leave gin/runs/align\.gin out"):
        read(mined, dataclasses.replace(SHOP, clicks=()))
