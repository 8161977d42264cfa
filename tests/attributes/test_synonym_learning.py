"""What is learned from clicks: other words for what products are called, and not their company."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gram_jax.attributes.extract import AttributeExtractor
from gram_jax.attributes.gazetteer import Gazetteer
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.synonym_learning import (
    SynonymSettings,
    _lower_bound,
    _significant,
    learn_synonyms,
    query_terms,
)
from gram_jax.attributes.value_table import ValueTable
from gram_jax.core.clicks import ClickTable
from gram_jax.core.records import Product

_EXTRACTOR = AttributeExtractor(AttributeSchema.load(), Gazetteer({
    "stroller": "category", "sink": "category", "kitchen sink": "category", "drill": "category",
    "steel": "material", "stainless": "material", "oak": "material", "red": "color",
    "acme": "brand", "bolt": "brand", "fridge": "category", "refrigerator": "category"}))
_TITLES = [f"{brand} {thing}" for thing in (
    "stroller", "red stroller", "steel kitchen sink", "steel sink", "oak drill", "red drill",
    "refrigerator", "steel refrigerator", "steel drill", "fridge")
    for brand in ("acme", "bolt", "")]


def _learned(queries, **settings):
    """Synonyms from {text: words of the titles that are clicked}."""
    products = ValueTable.build((_EXTRACTOR.of_product(Product("p", title, {}))
                                 for title in _TITLES), _EXTRACTOR.schema)
    pairs = [(row, product) for row, wanted in enumerate(queries.values())
             for product, title in enumerate(_TITLES) if set(wanted.split()) <= set(title.split())]
    rows, chosen = np.array(pairs).T
    clicks = ClickTable.build(rows, chosen, np.ones(len(rows)), [f"q{at}" for at in range(
        len(queries))])
    settings = {"false_discovery_rate": 0.05, "min_lift": 2.0} | settings
    found = learn_synonyms(query_terms(queries, _EXTRACTOR), products, clicks,
                           settings=SynonymSettings(**settings))
    return {merge.source: (merge.attribute, merge.target) for merge in found.merges}


_BACKGROUND = {f"{brand}{extra} {thing}": f"{brand} {thing}".strip()
               for brand in ("", "acme", "bolt") for extra in ("", " best", " new")
               for thing in ("drill", "sink", "refrigerator")}
_PRAMS = {f"{word} pram": "stroller" for word in ("acme", "bolt", "red", "cheap", "big")}


def test_a_word_of_shoppers_for_a_category_is_learned():
    assert _learned(_BACKGROUND | _PRAMS) == {"pram": ("category", "stroller")}


def test_a_category_is_merged_with_the_commoner_one_and_not_the_other_way_round():
    fridges = {f"{word} fridge": "refrigerator" for word in ("acme", "bolt", "steel", "cheap")}
    assert _learned(_BACKGROUND | fridges)["fridge"] == ("category", "refrigerator")


def test_what_goes_together_is_not_the_same():
    sinks = {f"{word} sink": "steel sink" for word in ("acme", "bolt", "big", "deep", "cheap")}
    assert "sink" not in _learned(_BACKGROUND | sinks)


def test_too_few_or_too_divided_queries_say_nothing():
    few = dict(list(_PRAMS.items())[:2])
    divided = _PRAMS | {f"{word} pram": "drill" for word in ("low", "high", "old", "new")}
    assert "pram" not in _learned(_BACKGROUND | few)
    assert "pram" not in _learned(_BACKGROUND | divided)


def test_a_query_that_names_a_category_says_nothing_of_another():
    said = {f"{text} sink": wanted for text, wanted in _PRAMS.items()}
    assert "pram" not in _learned(_BACKGROUND | said)


def test_a_material_is_learned_across_categories_only():
    across = {f"inox {thing}": f"steel {thing}" for thing in ("sink", "refrigerator", "drill")}
    across |= {f"acme inox {thing}": f"acme steel {thing}" for thing in ("sink", "drill")}
    within = {f"{word} inox sink": "steel sink" for word in ("acme", "bolt", "big", "deep", "old")}
    loosely = {"min_lift": 1.0, "false_discovery_rate": 0.5}
    assert _learned(_BACKGROUND | across, **loosely)["inox"] == ("material", "steel")
    assert "inox" not in _learned(_BACKGROUND | within, **loosely)


def test_a_phrase_is_learned_whole():
    learned = _learned(_BACKGROUND | {f"{word} baby buggy": "stroller" for word in (
        "acme", "bolt", "red", "cheap")})
    assert learned == {"baby buggy": ("category", "stroller")}


def test_a_sample_of_queries_is_enough_and_no_clicks_are_no_synonyms():
    many = {f"{word} pram": "stroller" for word in "abcdefghijkl"} | _BACKGROUND
    assert set(_learned(many, max_queries=30)) == {"pram"}
    empty = ClickTable.build(np.zeros(0, int), np.zeros(0, int), np.zeros(0), ["q"])
    products = ValueTable.build([_EXTRACTOR.of_text("red sink")], _EXTRACTOR.schema)
    assert learn_synonyms(query_terms(["pram"], _EXTRACTOR), products, empty).merges == ()


@given(st.lists(st.floats(0, 1), max_size=20), st.integers(0, 20))
def test_false_discoveries_are_controlled_as_scipy_does(p_values, num_others):
    found = _significant(np.array(p_values), len(p_values) + num_others, 0.1)
    if p_values:
        adjusted = stats.false_discovery_control([*p_values, *[1.0] * num_others])
        expected = adjusted[:len(p_values)] <= 0.1
        unclear = np.isclose(adjusted[:len(p_values)], 0.1)
        np.testing.assert_array_equal(found[~unclear], expected[~unclear])


@pytest.mark.parametrize("successes", range(5))
def test_the_lower_bound_of_a_share_is_wilsons(successes):
    ours = _lower_bound(np.array([successes]), np.array([5]))[0]
    theirs = stats.binomtest(successes, 5).proportion_ci(0.9, method="wilson").low
    assert ours == pytest.approx(theirs, abs=1e-4)
