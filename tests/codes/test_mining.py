"""Mining as a whole: bounds, coverage, sharing, and the same codes whatever the hash seed."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.value_table import ValueTable
from gram_jax.codes.decisions import Fate
from gram_jax.codes.mining import ShopValues, mine_codes
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.core.clicks import ClickTable
from gram_jax.core.errors import ConfigError
from gram_jax.core.records import Click
from gram_jax.testing.posting_rows import matrix_of

_SCHEMA = AttributeSchema.load()
_PAIRS = [("brand", "nike"), ("brand", "puma"), ("category", "shoe"), ("category", "trail shoe"),
          ("color", "red"), ("color", "blue"), ("modifier", "trail")]
_WORDS = ("red", "boot", "shoe", "sneaker")
_VALUES = st.sets(st.sampled_from(_PAIRS)).map(lambda values: tuple(sorted(values)))


@st.composite
def _shops(draw):
    products = draw(st.lists(_VALUES, min_size=1, max_size=12))
    queries = {f"q{at}": (draw(st.sets(st.sampled_from(_WORDS))), values)
               for at, values in enumerate(draw(st.lists(_VALUES, max_size=4)))}
    clicks = [Click(query_id, f"p{product}", 1.0) for query_id in queries
              for product in draw(st.sets(st.integers(0, len(products) - 1), max_size=4))]
    return products, queries, clicks


def _mine(shop, **changes):
    products, queries, clicks = shop
    bounds = {"min_products": 2, "min_products_of_detail": 2, "max_products": 6} | changes
    product_ids, query_ids = [f"p{at}" for at in range(len(products))], sorted(queries)
    table = ValueTable.build(products, _SCHEMA)
    named = ValueTable.build([queries[query_id][1] for query_id in query_ids], _SCHEMA)
    words = matrix_of([dict.fromkeys(map(_WORDS.index, queries[query_id][0]), 1.0)
                       for query_id in query_ids], len(_WORDS))
    values = ShopValues(product_ids, table, ClickTable.of_clicks(clicks, query_ids, product_ids),
                        named.numbered_as(table), words)
    return mine_codes(values, settings=MiningSettings(**bounds), schema=_SCHEMA)


@settings(max_examples=60, deadline=None)
@given(_shops())
def test_codes_are_within_bounds_and_their_products_are_due_to_values_or_clicks(shop):
    mined, bounds = _mine(shop), MiningSettings(min_products=2, min_products_of_detail=2)
    table, (products, _, clicks) = mined.code_table, shop
    clicked = {int(click.product_id[1:]) for click in clicks}
    assert table.codes_per_product.max(initial=0) <= bounds.max_codes_per_product
    for code_id, code in enumerate(table.codes):
        row = table.postings(code_id)
        assert 2 <= len(row) <= 6 and len(code.values) <= bounds.max_values
        texts = {value for _, value in code.values}
        for product in row.tolist():
            assert texts <= {value for _, value in products[product]} or product in clicked
    for codes in mined.query_codes.values():
        assert 1 <= len(codes) <= bounds.max_codes_per_query == 10
        assert len(set(codes)) == len(codes)
    assert mined.worths.shape == (table.num_codes,)


@settings(max_examples=60, deadline=None)
@given(_shops())
def test_every_product_with_a_value_in_bounds_can_be_found(shop):
    products, _, _ = shop
    table = _mine(shop).code_table
    holders = {pair: sum(pair in values for values in products) for pair in _PAIRS}
    for product, values in enumerate(products):
        if any(2 <= holders[pair] <= 6 for pair in values):
            assert len(table.codes_of(product))


@settings(max_examples=30, deadline=None)
@given(_shops(), st.randoms())
def test_the_order_of_clicks_does_not_matter(shop, random):
    products, queries, clicks = shop
    one, other = _mine(shop), _mine((products, queries, random.sample(clicks, len(clicks))))
    assert one.code_table.digest == other.code_table.digest
    assert dict(one.query_codes) == dict(other.query_codes)


@settings(max_examples=60, deadline=None)
@given(_shops())
def test_every_code_was_decided_on_and_every_decision_holds(shop):
    mined, products = _mine(shop), shop[0]
    table, decisions = ValueTable.build(products, _SCHEMA), mined.decisions
    made = {tuple(sorted(table.number_of_text[text] for _, text in code.values))
            for code in mined.code_table.codes}
    for row, fate in zip(decisions.subsets.tolist(), decisions.fates.tolist()):
        subset = tuple(value for value in row if value >= 0)
        texts = {table.values[value][1] for value in subset}
        held = sum(texts <= {text for _, text in values} for values in products)
        decision = decisions.of_subset(subset)
        assert (decision.fate, decision.num_products) == (fate, held)
        assert (subset in made) == (fate in (Fate.CHOSEN, Fate.RESCUED))
        assert (fate == Fate.TOO_FEW_PRODUCTS) == (held < 2)
        assert (fate == Fate.TOO_MANY_PRODUCTS) == (held > 6)
        assert decision.num_votes <= held and Fate(fate).reason
    assert len(made) == sum(decisions.counts()[name] for name in ("chosen", "rescued"))
    assert decisions.of_subset((99,)) is None


def test_shoppers_words_lead_to_sellers_codes_and_clicks_share_them():
    shoe, lamp = (("category", "shoe"), ("color", "red")), (("category", "lamp"),)
    queries = {f"q{at}": (("sneaker",), ()) for at in range(4)}
    queries["q4"] = (("shoe",), (("category", "shoe"),))
    clicks = [Click(f"q{at}", "p0", 1.0) for at in range(4)]
    clicks += [Click("q4", "p1", 1.0), Click("q4", "p4", 1.0)]
    mined = _mine(([shoe, shoe, lamp, lamp, ()], queries, clicks))
    table = mined.code_table
    asked = {table.codes[code].text for code in mined.query_codes["q0"]}
    assert "shoe" in asked
    assert table.postings(table.id_of_text["shoe"]).tolist() == [0, 1, 4]  # 4 has no values at all
    best_first = [mined.worths[code] for code in mined.codes_of_product(0)]
    assert best_first == sorted(best_first, reverse=True)


def test_codes_of_the_same_words_are_one():
    product = (("category", "mower"), ("category", "lawn mower"), ("modifier", "lawn"))
    texts = {code.text for code in _mine(([product] * 4, {}, [])).code_table.codes}
    assert not {"lawn mower", "mower | lawn"} <= texts and "lawn mower" in texts


def test_a_catalogue_without_clicks_or_without_values_is_mined_too():
    assert _mine(([()] * 3, {}, [])).code_table.num_codes == 0
    assert _mine(([(("brand", "nike"),)] * 3, {}, [])).code_table.num_codes == 1


@pytest.mark.parametrize("bad", [{"min_products": 0}, {"max_products": 1}, {"max_values": 7},
                                 {"votes": (1, 2)}, {"max_codes_per_query": 0}])
def test_settings_out_of_range_are_named(bad):
    with pytest.raises(ConfigError, match="MiningSettings"):
        MiningSettings(**bad)


_PRINT_DIGEST = """
from gram_jax.codes.build import build_codes
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.testing.tiny_catalog import tiny_attributes, tiny_shop
built = build_codes(tiny_shop(), tiny_attributes(),
                    settings=MiningSettings(min_products=1, min_products_of_detail=1))
print(built.code_table.digest, hash(str(built.train_queries)) and built.train_queries)
"""


def test_hash_seeds_change_nothing():
    def output(seed):
        return subprocess.run([sys.executable, "-c", _PRINT_DIGEST], check=True, text=True,
                              capture_output=True, env=os.environ | {"PYTHONHASHSEED": seed}).stdout
    assert output("1") == output("2") != ""


def test_a_large_random_shop_is_mined_in_seconds():
    rng = np.random.default_rng(0)
    products = [tuple(sorted({("modifier", f"m{value}") for value in row if value < 400}))
                for row in rng.zipf(1.3, (2000, 8)).tolist()]
    table = _mine((products, {}, []), max_products=60).code_table
    sizes = np.diff(table.posting_starts)
    assert table.num_codes > 50 and sizes.min() >= 2 and sizes.max() <= 60
