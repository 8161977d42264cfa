"""Sharing by clicks and the cap on codes a product, against plain readings."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.codes.sharing import cap_codes_per_product, share_by_clicks

_ROWS = st.lists(st.sets(st.integers(0, 4), max_size=5), min_size=1, max_size=5)


def _arrays(rows):
    return [np.array(sorted(row), np.int32) for row in rows]


def test_a_product_joins_when_queries_support_it_enough_and_there_is_room():
    postings = _arrays([{0, 1}, {3}])
    joined = share_by_clicks(
        postings, {"q": (0,), "r": (0, 1)}, lambda query_id, code: 0.5,
        {"q": {1: 1.0, 2: 1.0, 4: 1.0}, "r": {2: 9.0, 3: 1.0, 4: 1.0}}, min_support=1.0,
        max_products=3)
    assert joined == [{2: 1.0}, {}]  # 4 has as much support as 2, but there was room for one


@given(_ROWS, st.dictionaries(st.sampled_from("qrs"), st.sets(st.integers(0, 4)), max_size=3),
       st.integers(1, 5))
def test_who_joins_was_clicked_and_not_there_before(rows, clicks, max_products):
    clicked = {query: dict.fromkeys(products, 1.0) for query, products in clicks.items()}
    codes = {query: tuple(range(len(rows))) for query in clicks}
    joined = share_by_clicks(_arrays(rows), codes, lambda query_id, code: 0.5, clicked,
                             min_support=1.0, max_products=max_products)
    for row, extra in zip(rows, joined):
        able = {product for product in range(5)
                if product not in row and sum(product in p for p in clicks.values()) >= 2}
        assert set(extra) <= able and len(extra) == min(len(able), max(max_products - len(row), 0))


@given(_ROWS, st.integers(1, 4), st.data())
def test_cap_keeps_what_clicks_gave_then_worth(rows, max_codes, data):
    worths = np.array(data.draw(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=len(rows),
                                         max_size=len(rows))))
    joined = [dict.fromkeys(data.draw(st.sets(st.integers(0, 4))) - row, 1.0) for row in rows]
    capped = cap_codes_per_product(_arrays(rows), joined, worths, num_products=5,
                                   max_codes=max_codes)
    assert len(capped) == len(rows)
    for product in range(5):
        mine = [(product not in joined[code], -worths[code], code) for code in range(len(rows))
                if product in rows[code] or product in joined[code]]
        kept = {code for _, _, code in sorted(mine)[:max_codes]}
        assert kept == {code for code, row in enumerate(capped) if product in row.tolist()}
    assert all((np.diff(row) > 0).all() for row in capped)
