"""The fit of a code is the mean relevance of its witnesses, and floors are quantiles of fits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.alignment.code_fit import (
    Witnesses,
    floors_by_name,
    granularity_floors,
    product_code_fits,
    query_code_fits,
)
from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.coded_texts import CodedTexts
from gram_jax.codes.examples import CodeExample
from gram_jax.testing.scripted_relevance import ScriptedRelevance

QUERIES = ("shoe", "red shoe", "sink")
PRODUCTS = ("nike red shoe", "blue shoe", "steel sink", "drill")
CODES = {("category:shoe",): [0, 1], ("color:red", "category:shoe"): [0],
         ("category:sink", "material:steel"): [2], ("category:tool",): [0, 1, 2, 3]}


def code(values):
    pairs = tuple(tuple(value.split(":")) for value in values)
    return Code(" | ".join(text for _, text in pairs), pairs)


TABLE = CodeTable.build({code(values): products for values, products in CODES.items()},
                        [f"p{at}" for at in range(len(PRODUCTS))])
SHOE, RED_SHOE, SINK, TOOL = (TABLE.id_of_text[text] for text in
                              ("shoe", "red | shoe", "sink | steel", "tool"))
ASKED = CodedTexts.of_examples([CodeExample("q0", "shoe", ("shoe",)),
                                CodeExample("q1", "red shoe", ("red | shoe", "shoe")),
                                CodeExample("q2", "sink", ("sink | steel",))], TABLE)


def shared_words(query, product):
    asked = set(query.split())
    return len(asked & set(product.split())) / len(asked)


PAIRS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=12)


@given(PAIRS)
def test_a_query_fits_a_code_as_it_fits_the_products_under_it(pairs):
    relevance = ScriptedRelevance(shared_words)
    rows, codes = np.array(pairs, np.int64).reshape(-1, 2).T
    witnesses = Witnesses.products_under(TABLE, PRODUCTS, count=10, seed=0)
    fits = query_code_fits(relevance, witnesses, QUERIES, rows, codes)
    expected = [np.mean([shared_words(QUERIES[row], PRODUCTS[product])
                         for product in TABLE.postings(code)]) for row, code in pairs]
    np.testing.assert_allclose(fits, expected, atol=1e-6)
    assert len(relevance.asked) == len(set(relevance.asked)), "a pair of texts was scored twice"


@given(PAIRS)
def test_a_product_fits_a_code_as_it_fits_the_queries_that_have_it(pairs):
    rows, codes = np.array(pairs, np.int64).reshape(-1, 2).T
    witnesses = Witnesses.queries_of(ASKED, count=10, seed=0)
    fits = product_code_fits(ScriptedRelevance(shared_words), witnesses, PRODUCTS, rows, codes)
    texts = {SHOE: ["shoe", "red shoe"], RED_SHOE: ["red shoe"], SINK: ["sink"],
             TOOL: ["tool"]}  # no query asks by the last: its own words do
    expected = [np.mean([shared_words(text, PRODUCTS[row]) for text in texts[code]])
                for row, code in pairs]
    np.testing.assert_allclose(fits, expected, atol=1e-6)


@given(st.integers(1, 5), st.integers(0, 9))
def test_witnesses_are_drawn_from_their_code_without_repeats(count, seed):
    witnesses = Witnesses.products_under(TABLE, PRODUCTS, count=count, seed=seed)
    for number in range(TABLE.num_codes):
        drawn = witnesses.members[slice(*witnesses.starts[number:number + 2])].tolist()
        under = TABLE.postings(number).tolist()
        assert len(drawn) == min(count, len(under)) and set(drawn) <= set(under)
        assert len(set(drawn)) == len(drawn)
    again = Witnesses.products_under(TABLE, PRODUCTS, count=count, seed=seed)
    np.testing.assert_array_equal(witnesses.members, again.members)


def test_a_code_that_no_query_has_speaks_for_itself():
    witnesses = Witnesses.queries_of(ASKED, count=1, seed=3)
    assert np.diff(witnesses.starts).tolist() == [1] * TABLE.num_codes
    spoken = [witnesses.texts[member] for member in witnesses.members]
    assert spoken[TOOL] == "tool" and spoken[RED_SHOE] == "red shoe" and spoken[SINK] == "sink"


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 2)), min_size=60, max_size=120),
       st.floats(0, 1), st.floats(0, 1))
def test_a_higher_quantile_asks_more(pairs, one, other):
    fits, granularities = map(np.array, zip(*pairs))
    low, high = (granularity_floors(fits, granularities, quantile=quantile)
                 for quantile in sorted((one, other)))
    assert (low <= high).all()


def test_floors_are_quantiles_by_granularity_and_of_all_where_there_are_few():
    rng = np.random.default_rng(0)
    fits = rng.random(70)
    granularities = np.repeat([0, 1, 2], [40, 25, 5])
    floors = granularity_floors(fits, granularities, quantile=0.25)
    np.testing.assert_allclose(floors, [np.quantile(fits[:40], 0.25),
                                        np.quantile(fits[40:65], 0.25),
                                        np.quantile(fits, 0.25)], rtol=1e-6)
    assert list(floors_by_name(floors)) == ["coarse", "medium", "fine"]
    nothing = granularity_floors(fits[:0], granularities[:0], quantile=0.5)
    assert np.isneginf(nothing).all() and floors_by_name(nothing) == {}


@pytest.mark.parametrize("count", [1, 2])
def test_no_pairs_have_no_fits(count):
    witnesses = Witnesses.products_under(TABLE, PRODUCTS, count=count, seed=0)
    nothing = np.zeros(0, np.int64)
    assert query_code_fits(ScriptedRelevance(shared_words), witnesses, QUERIES, nothing,
                           nothing).shape == (0,)
