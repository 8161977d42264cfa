"""Sharing by clicks and the cap on codes a product, against plain readings."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.codes.sharing import cap_codes_per_product, share_by_clicks
from gram_jax.testing.posting_rows import clicks_of, matrix_of, postings_of

_ROWS = st.lists(st.sets(st.integers(0, 4), max_size=5), min_size=1, max_size=5)


def _share(rows, affinities, clicks, **bounds):
    codes, products = share_by_clicks(
        postings_of(rows), matrix_of(affinities, len(rows)), clicks_of(clicks), num_products=5,
        **bounds)
    return [set(products[codes == code].tolist()) for code in range(len(rows))]


def test_a_product_joins_when_queries_support_it_enough_and_there_is_room():
    joined = _share([{0, 1}, {3}], [{0: 0.5}, {0: 0.5, 1: 0.5}],
                    [{1: 1.0, 2: 1.0, 4: 1.0}, {2: 9.0, 3: 1.0, 4: 1.0}], min_support=1.0,
                    max_products=3)
    assert joined == [{2}, set()]  # 4 has as much support as 2, but there was room for one


@given(_ROWS, st.lists(st.sets(st.integers(0, 4)), max_size=3), st.integers(1, 5))
def test_who_joins_was_clicked_and_not_there_before(rows, clicked, max_products):
    clicks = [dict.fromkeys(products, 1.0) for products in clicked]
    affinities = [dict.fromkeys(range(len(rows)), 0.5) for _ in clicked]
    joined = _share(rows, affinities, clicks, min_support=1.0, max_products=max_products)
    for row, extra in zip(rows, joined, strict=True):
        able = {product for product in range(5)
                if product not in row and sum(product in found for found in clicked) >= 2}
        assert extra <= able and len(extra) == min(len(able), max(max_products - len(row), 0))


@given(_ROWS, st.integers(1, 4), st.data())
def test_cap_keeps_what_clicks_gave_then_worth(rows, max_codes, data):
    worths = data.draw(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=len(rows),
                                max_size=len(rows)))
    joined = [data.draw(st.sets(st.integers(0, 4))) - row for row in rows]
    pairs = [(code, product) for code, extra in enumerate(joined) for product in sorted(extra)]
    codes, products = np.array(pairs, np.int32).reshape(-1, 2).T
    capped = cap_codes_per_product(postings_of(rows, worths=worths), (codes, products),
                                   max_codes=max_codes)
    assert capped.num_codes == len(rows)
    kept_of = [capped.of_code(code).tolist() for code in range(len(rows))]
    for product in range(5):
        mine = [(product not in joined[code], -worths[code], code) for code in range(len(rows))
                if product in rows[code] or product in joined[code]]
        kept = {code for _, _, code in sorted(mine)[:max_codes]}
        assert kept == {code for code, row in enumerate(kept_of) if product in row}
    assert all(row == sorted(set(row)) for row in kept_of)
