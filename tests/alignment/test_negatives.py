"""Negatives: never clicked, each of the kind it is said to be, the same for the same draw."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.alignment.negatives import (
    KINDS,
    Clicked,
    Negatives,
    NegativeSettings,
    near_products,
)
from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable
from gram_jax.core.clicks import ClickTable
from gram_jax.core.errors import ConfigError

NUM_PRODUCTS, NUM_QUERIES = 9, 6
TEXTS = ["shoe", "red shoe", "Shoe ", "sink", "drill", "RED  shoe"]
"""The first and the third are one text, and so are the second and the last."""


def table(postings):
    return CodeTable.build({Code(name, (("category", name),)): products
                            for name, products in postings.items()},
                           [f"p{number}" for number in range(NUM_PRODUCTS)])


def click_table(pairs):
    rows, products = np.array(sorted(pairs)).reshape(-1, 2).T
    return ClickTable.build(rows, products, np.ones(len(rows)),
                            [f"q{number}" for number in range(NUM_QUERIES)])


def is_clicked(pairs, row, product):
    same = [other for other, text in enumerate(TEXTS)
            if text.casefold().split() == TEXTS[row].casefold().split()]
    return any((other, product) in pairs for other in same)


PAIRS = st.sets(st.tuples(st.integers(0, NUM_QUERIES - 1), st.integers(0, 3)), min_size=1)
POSTINGS = st.dictionaries(
    st.sampled_from("abcd"), st.sets(st.integers(0, NUM_PRODUCTS - 1), min_size=1), min_size=1)
NEAR = st.lists(st.lists(st.integers(-1, NUM_PRODUCTS - 1), min_size=4, max_size=4),
                min_size=NUM_QUERIES, max_size=NUM_QUERIES)


def near_array(lists):
    """Rows of products with -1 behind them."""
    return np.array([sorted(row, key=lambda product: product < 0) for row in lists], np.int32)


@given(PAIRS, POSTINGS, NEAR, st.integers(0, 5))
def test_no_negative_was_clicked_for_a_query_of_the_same_text(pairs, postings, near, seed):
    clicks = click_table(pairs)
    clicked = Clicked(clicks, TEXTS, NUM_PRODUCTS)
    negatives = Negatives(NegativeSettings(near=2, sharing=2, in_batch=2), clicked,
                          near_array(near), table(postings))
    drawn = negatives.draw(np.random.default_rng(seed), clicks.rows, clicks.products)
    assert drawn.dtype == np.int32 and drawn.shape == (len(clicks.rows), 6)
    for row, found in zip(clicks.rows.tolist(), drawn.tolist()):
        assert not any(is_clicked(pairs, row, product) for product in found)
        assert all(0 <= product < NUM_PRODUCTS for product in found)


@given(PAIRS, POSTINGS, NEAR, st.integers(0, 5))
def test_each_negative_is_of_its_kind_where_there_is_one(pairs, postings, near, seed):
    clicks, near, codes = click_table(pairs), near_array(near), table(postings)
    negatives = Negatives(NegativeSettings(near=2, sharing=2, in_batch=1),
                          Clicked(clicks, TEXTS, NUM_PRODUCTS), near, codes)
    kinds = [KINDS[kind] for kind in negatives.settings.kinds]
    assert kinds == ["near", "near", "sharing", "sharing", "in_batch"]
    drawn = negatives.draw(np.random.default_rng(seed), clicks.rows, clicks.products)
    for row, product, found in zip(clicks.rows.tolist(), clicks.products.tolist(),
                                   drawn.tolist()):
        of_kind = {
            "near": set(near[row].tolist()) - {-1},
            "sharing": {other for members in postings.values() if product in members
                        for other in members},
            "in_batch": set(clicks.products.tolist())}
        for kind, other in zip(kinds, found):
            free = {able for able in of_kind[kind] if not is_clicked(pairs, row, able)}
            assert other in free or not free


def test_a_draw_is_a_function_of_its_generator():
    clicks = click_table({(0, 0), (1, 1), (3, 2)})
    negatives = Negatives(NegativeSettings(), Clicked(clicks, TEXTS, NUM_PRODUCTS),
                          np.full((NUM_QUERIES, 2), 5, np.int32), table({"a": range(9)}))
    draws = [negatives.draw(np.random.default_rng(seed), clicks.rows, clicks.products)
             for seed in (1, 1, 2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()


def test_a_query_with_everything_clicked_has_no_negatives():
    clicks = click_table({(0, product) for product in range(NUM_PRODUCTS)})
    negatives = Negatives(NegativeSettings(), Clicked(clicks, TEXTS, NUM_PRODUCTS),
                          np.full((NUM_QUERIES, 2), -1, np.int32), table({"a": range(9)}))
    with pytest.raises(ConfigError, match="every product"):
        negatives.draw(np.random.default_rng(0), clicks.rows, clicks.products)


@given(PAIRS, st.lists(st.lists(st.integers(0, 3), min_size=NUM_PRODUCTS, max_size=NUM_PRODUCTS),
                       min_size=NUM_QUERIES, max_size=NUM_QUERIES), st.integers(1, 5))
def test_near_products_are_the_best_scored_that_nobody_clicked(pairs, scores, depth):
    clicked = Clicked(click_table(pairs), TEXTS, NUM_PRODUCTS)
    numbered = [f"{row}" for row in range(NUM_QUERIES)]
    found = near_products(lambda text: np.array(scores[int(text)], np.float32), numbered, clicked,
                          depth=depth)
    for row in range(NUM_QUERIES):
        free = [product for product in range(NUM_PRODUCTS)
                if scores[row][product] > 0 and not is_clicked(pairs, row, product)]
        best = sorted(free, key=lambda product: (-scores[row][product], product))[:depth]
        assert found[row].tolist() == best + [-1] * (depth - len(best))


@pytest.mark.parametrize("wrong", [{"near": -1}, {"near": 0, "sharing": 0, "in_batch": 0},
                                   {"near_depth": 0}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError, match="NegativeSettings"):
        NegativeSettings(**wrong)
