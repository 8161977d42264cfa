"""Queries drawn from values: what they name, what they are after, and that draws repeat."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.attributes.value_table import ValueTable
from gram_jax.codes.pseudo_queries import pseudo_queries
from gram_jax.testing.posting_rows import values_of

_ROWS = st.lists(st.sets(st.integers(0, 6)), max_size=8)


@settings(max_examples=50, deadline=None)
@given(_ROWS, st.integers(1, 30), st.integers(1, 4))
def test_a_query_is_after_products_that_hold_all_it_names(rows, num_queries, max_clicks):
    texts, clicks, values = pseudo_queries(values_of(rows, 7), num_queries=num_queries,
                                           max_clicks=max_clicks)
    assert len(texts) == len(set(texts)) == clicks.num_queries == values.num_rows <= num_queries
    assert bool(texts) == any(rows)
    for row, text in enumerate(texts):
        named = set(values.of_row(row).tolist())
        assert 1 <= len(named) <= 3
        assert {f"v{value:02}" for value in named} == set(text.split(" "))
        products, weights = clicks.of_row(row)
        assert 1 <= len(products) <= max_clicks and (weights == 1).all()
        assert all(named <= rows[product] for product in products.tolist())


def test_draws_repeat_with_the_seed_and_shoppers_name_what_they_name_most():
    table = ValueTable((("modifier", "plain"), ("color", "red"), ("category", "shoe")),
                       np.arange(0, 3 * 200 + 1, 3), np.tile(np.arange(3, dtype=np.int32), 200))
    one, other = (pseudo_queries(table, num_queries=400, seed=3) for _ in range(2))
    assert one[0] == other[0] and (one[1].products == other[1].products).all()
    assert "red shoe" in one[0] and "shoe red" not in one[0]
    assert pseudo_queries(table, num_queries=400, seed=4)[1].products.tolist() \
        != one[1].products.tolist()
