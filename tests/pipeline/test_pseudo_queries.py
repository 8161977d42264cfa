"""Pseudo-queries: nobody's tune or test query, with the codes that neighbours vote for."""

import dataclasses

import pytest

from gram_jax.codes.build import build_codes
from gram_jax.codes.choosers import choose_by_neighbors
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.core.errors import ConfigError
from gram_jax.core.records import Query
from gram_jax.pipeline.pseudo_queries import PseudoQuerySettings, draw_texts, vote_for_codes
from gram_jax.pipeline.text_neighbors import NONE, bm25_neighbors
from gram_jax.testing.tiny_catalog import attributes_of, tiny_shop
from gram_jax.text.normal_form import words

SHOP = tiny_shop()
VALUES = attributes_of(SHOP).products
SETTINGS = PseudoQuerySettings(num_queries=200, num_neighbors=4, num_codes=3, typo_rate=0.0)


@pytest.fixture(scope="module")
def table():
    return build_codes(SHOP, attributes_of(SHOP), settings=MiningSettings(
        min_products=1, min_products_of_detail=1)).code_table


def test_texts_are_drawn_from_titles_and_values_and_held_out_queries_are_not():
    texts = draw_texts(SHOP, VALUES, SETTINGS)
    assert len(set(texts)) == len(texts) > 20
    known = {word for product in SHOP.products for word in words(product.title)} | {
        word for _, text in VALUES.values for word in text.split(" ")}
    assert {word for text in texts for word in text.split(" ")} <= known
    taken = dataclasses.replace(SHOP, queries=(*SHOP.queries, Query("late", texts[0])),
                                splits={**SHOP.splits, "late": "tune"})
    assert texts[0] not in draw_texts(taken, VALUES, SETTINGS)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_share_of_titles_says_where_texts_come_from(share):
    texts = draw_texts(SHOP, VALUES, dataclasses.replace(SETTINGS, title_share=share))
    in_a_title = [any(set(text.split(" ")) <= set(words(product.title))
                      for product in SHOP.products) for text in texts]
    assert all(in_a_title) if share else not all(in_a_title)


def test_codes_are_those_that_the_neighbors_vote_for(table):
    texts = draw_texts(SHOP, VALUES, SETTINGS)
    neighbors = bm25_neighbors(SHOP.products, texts, k=4)
    found = {example.text: example.codes
             for example in vote_for_codes(table, texts, neighbors, SETTINGS)}
    for text, row in zip(texts, neighbors):
        codes = choose_by_neighbors(table, row[row != NONE], num_codes=3)
        assert found.get(text, ()) == tuple(table.codes[code].text for code in codes)


def test_a_text_that_has_no_neighbor_teaches_nothing(table):
    neighbors = bm25_neighbors(SHOP.products, ["zzz", ""], k=4)
    assert (neighbors == NONE).all()
    assert list(vote_for_codes(table, ["zzz", ""], neighbors, SETTINGS)) == []


def test_slips_come_after_the_codes_were_chosen(table):
    texts = draw_texts(SHOP, VALUES, SETTINGS)
    neighbors = bm25_neighbors(SHOP.products, texts, k=4)
    slips = dataclasses.replace(SETTINGS, typo_rate=1.0)
    right, wrong = (list(vote_for_codes(table, texts, neighbors, settings))
                    for settings in (SETTINGS, slips))
    assert [example.codes for example in right] == [example.codes for example in wrong]
    assert sum(a.text != b.text for a, b in zip(right, wrong)) > len(right) / 2


@pytest.mark.parametrize("field", [{"num_queries": 0}, {"typo_rate": 1.5}, {"num_codes": -1}])
def test_settings_that_make_no_sense_are_refused(field):
    with pytest.raises(ConfigError, match=next(iter(field))):
        PseudoQuerySettings(**field)
