"""Codes by row: choosing and intersecting rows is what it is for lists."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.codes.code import Code
from gram_jax.codes.code_rows import CodeRows, codes_of_products, values_of_codes
from gram_jax.codes.code_table import CodeTable

NUM_CODES = 8
ROWS = st.lists(st.lists(st.integers(0, NUM_CODES - 1), max_size=5, unique=True), min_size=1,
                max_size=6)


def lists(rows: CodeRows) -> list[list[int]]:
    return [rows.of_row(row).tolist() for row in range(len(rows.starts) - 1)]


@given(ROWS, st.data())
def test_chosen_rows_are_those_of_the_lists(rows, data):
    order = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=9))
    found = CodeRows.of_lists(rows)
    assert lists(found) == rows
    assert lists(found.chosen(np.array(order, np.int64))) == [rows[row] for row in order]
    assert found.starts.dtype == np.int64 and found.codes.dtype == np.int32


@given(ROWS, st.data())
def test_common_codes_keep_the_order_of_the_first(rows, data):
    other = [data.draw(st.lists(st.integers(0, NUM_CODES - 1), max_size=5, unique=True))
             for _ in rows]
    found = CodeRows.of_lists(rows).also_in(CodeRows.of_lists(other), NUM_CODES)
    assert lists(found) == [[code for code in row if code in of_other]
                            for row, of_other in zip(rows, other)]


def test_what_a_table_says_of_products_and_codes():
    codes = [Code("nike", (("brand", "nike"),)),
             Code("nike | red", (("brand", "nike"), ("color", "red"))),
             Code("red", (("color", "red"),))]
    table = CodeTable.build({codes[0]: [0, 2], codes[1]: [2], codes[2]: [2, 1]},
                            ["p0", "p1", "p2", "p3"])
    assert lists(codes_of_products(table, np.array([2, 3, 0]))) == [[0, 1, 2], [], [0]]
    assert lists(values_of_codes(table)) == [[0], [0, 1], [1]]
