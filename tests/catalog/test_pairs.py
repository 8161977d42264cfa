"""Clicks and judgments as columns look like a tuple of records."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.catalog import pairs as pairs_module
from gram_jax.catalog.pairs import PairColumns
from gram_jax.core.clicks import ClickTable
from gram_jax.core.records import Click, Judgment

QUERY_IDS, PRODUCT_IDS = tuple("abcd"), tuple("wxyz")
pair = st.tuples(st.sampled_from(QUERY_IDS), st.sampled_from(PRODUCT_IDS))
clicks = st.lists(st.builds(lambda ids, weight: Click(*ids, weight), pair, st.floats(0.25, 9)))
judgments = st.lists(st.builds(lambda ids, grade: Judgment(*ids, grade), pair, st.integers(0, 3)))
kinds = clicks.map(lambda rows: (Click, rows)) | judgments.map(lambda rows: (Judgment, rows))


@given(kinds, st.data())
def test_they_are_a_sequence_like_a_tuple(kind_and_records, data):
    kind, records = kind_and_records
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs_module, "_CHUNK", 3)
        columns = PairColumns.of_records(kind, iter(records), QUERY_IDS, PRODUCT_IDS)
        assert list(columns) == records
    assert columns == records and len(columns) == len(records) and columns != [*records, records]
    ends = st.integers(-5, 5) | st.none()
    cut = slice(data.draw(ends), data.draw(ends))
    assert list(columns[cut]) == records[cut]
    for place in range(-len(records), len(records)):
        assert columns[place] == records[place]
        assert type(columns[place]) is kind
    again = PairColumns.of_records(kind, columns, QUERY_IDS, PRODUCT_IDS)
    assert again is columns
    moved = PairColumns.of_records(kind, columns, QUERY_IDS[::-1], PRODUCT_IDS[::-1])
    assert moved == records


@given(clicks, st.lists(st.booleans(), min_size=4, max_size=4))
def test_the_pairs_of_some_queries(records, wanted):
    columns = PairColumns.of_records(Click, records, QUERY_IDS, PRODUCT_IDS)
    names = [query_id for query_id, is_wanted in zip(QUERY_IDS, wanted) if is_wanted]
    assert list(columns.of_queries(np.array(wanted))) == [
        click for click in records if click.query_id in names]
    table, expected = columns.click_table(np.array(wanted)), ClickTable.of_clicks(
        records, names, PRODUCT_IDS)
    assert table.query_ids == expected.query_ids
    for name in ("starts", "products", "weights"):
        np.testing.assert_array_equal(getattr(table, name), getattr(expected, name))


@pytest.mark.parametrize("changes", [
    {"queries": np.zeros(2, np.int64)}, {"products": np.zeros(1, np.int32)},
    {"amounts": np.ones(2, np.float32)}, {"amounts": np.ones((2, 1))},
    {"queries": np.array([0, 4], np.int32)}, {"products": np.array([-1, 0], np.int32)},
    {"kind": Judgment},
])
def test_columns_that_do_not_belong_together_are_refused(changes):
    columns = PairColumns(Click, QUERY_IDS, PRODUCT_IDS, np.zeros(2, np.int32),
                          np.zeros(2, np.int32), np.ones(2))
    with pytest.raises(ValueError, match=r"do not belong together|outside"):
        dataclasses.replace(columns, **changes)
