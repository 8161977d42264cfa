"""Clicks as arrays say what a dictionary of clicks says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.core.clicks import ClickTable
from gram_jax.core.records import Click

QUERY_IDS, PRODUCT_IDS = tuple("abcde"), tuple("uvwxyz")
weights = st.integers(1, 1000).map(lambda quarters: quarters / 4)
clicks = st.lists(st.builds(Click, st.sampled_from(QUERY_IDS), st.sampled_from(PRODUCT_IDS),
                            weights))
ids = st.lists(st.sampled_from(QUERY_IDS), unique=True)


def table_as_dict(table: ClickTable) -> dict[str, dict[str, float]]:
    return {query_id: {PRODUCT_IDS[product]: weight
                       for product, weight in zip(*map(np.ndarray.tolist, table.of_row(row)))}
            for row, query_id in enumerate(table.query_ids)}


def dict_of(clicks, query_ids) -> dict[str, dict[str, float]]:
    expected = {query_id: {} for query_id in query_ids}
    for click in clicks:
        if click.query_id in expected:
            row = expected[click.query_id]
            row[click.product_id] = row.get(click.product_id, 0.0) + click.weight
    return expected


@given(clicks, ids)
def test_a_table_holds_the_clicks_of_its_queries(clicks, query_ids):
    table = ClickTable.of_clicks(iter(clicks), query_ids, PRODUCT_IDS)
    assert table.query_ids == tuple(query_ids) and table.num_queries == len(query_ids)
    assert table_as_dict(table) == dict_of(clicks, query_ids)
    counted = [(table.query_ids[row], PRODUCT_IDS[product])
               for row, product in zip(table.rows, table.products)]
    assert counted == sorted(set(counted), key=lambda pair: (query_ids.index(pair[0]), pair[1]))


@given(clicks, ids, st.data())
def test_chosen_rows_are_those_rows(clicks, query_ids, data):
    table = ClickTable.of_clicks(clicks, query_ids, PRODUCT_IDS)
    rows = data.draw(st.lists(st.sampled_from(range(len(query_ids))), unique=True)
                     if query_ids else st.just([]))
    chosen = table.chosen(np.array(rows, np.int64))
    assert chosen.query_ids == tuple(query_ids[row] for row in rows)
    assert table_as_dict(chosen) == dict_of(clicks, chosen.query_ids)


@pytest.mark.parametrize(("changes", "message"), [
    ({"starts": [0, 2, 1, 3]}, "do not divide"),
    ({"starts": [0, 1, 2, 2]}, "do not divide"),
    ({"starts": [1, 1, 2, 3]}, "do not divide"),
    ({"starts": [0, 3]}, "do not divide"),
    ({"starts": []}, "do not divide"),
    ({"products": [3, 1, 5]}, "do not rise"),
    ({"products": [3, 3, 5]}, "do not rise"),
    ({"products": [-1, 1, 5]}, "do not rise"),
    ({"weights": [1, 0, 1]}, "weight of 0"),
    ({"weights": [1, np.nan, 1]}, "weight of 0"),
    ({"weights": [1, 1]}, "do not divide"),
    ({"query_ids": ("a", "b", "a")}, "there twice"),
])
def test_what_is_no_table_is_refused(changes, message):
    parts = {"query_ids": ("a", "b", "c"), "starts": [0, 2, 2, 3], "products": [1, 4, 0],
             "weights": [1, 2, 3]}

    def build(query_ids, starts, products, weights):
        return ClickTable(query_ids, np.array(starts, np.int64), np.array(products, np.int32),
                          np.array(weights, np.float32))

    assert build(**parts).num_queries == 3
    with pytest.raises(ValueError, match=message):
        build(**(parts | changes))


def test_other_dtypes_are_refused():
    with pytest.raises(ValueError, match="not int64, int32"):
        ClickTable((), np.zeros(1, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))
