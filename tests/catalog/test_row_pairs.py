"""Pairs are parted among clicks and judgments as one loop over dictionaries would part them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.catalog.row_pairs import RowPairs, pair_key, part_pairs

NUM_ROWS = 5
pairs = st.tuples(st.integers(0, NUM_ROWS - 1), st.integers(0, 6))
clicked_rows = st.lists(st.tuples(pairs, st.integers(1, 8).map(lambda eighths: eighths / 8)))
judged_rows = st.dictionaries(pairs, st.integers(0, 3), max_size=8)
splits = st.lists(st.sampled_from(["train", "tune", "test"]), min_size=NUM_ROWS, max_size=NUM_ROWS)
# Two rows may have one text: rows 0 and 1 have here.
TEXTS = [0, 0, 1, 2, 3]


def row_pairs(rows) -> RowPairs:
    return RowPairs.of([pair_key(*pair) for pair, _ in rows], [amount for _, amount in rows])


def as_dict(found: RowPairs) -> dict:
    keys = list(zip(found.rows.tolist(), found.products.tolist()))
    assert len(set(keys)) == len(keys)
    np.testing.assert_array_equal(found.keys, [pair_key(*key) for key in keys])
    return dict(zip(keys, found.amounts.tolist()))


@given(clicked_rows)
def test_amounts_of_one_pair_are_added_up_where_it_is_first_met(rows):
    expected: dict = {}
    for pair, amount in rows:
        expected[pair] = expected.get(pair, 0.0) + amount
    assert list(as_dict(row_pairs(rows)).items()) == list(expected.items())


@given(clicked_rows, judged_rows, splits)
def test_every_pair_goes_where_its_split_says(rows, judged, splits):
    clicked = as_dict(row_pairs(rows))
    judged_texts = {TEXTS[row] for row, _ in judged}
    clicks, judgments, num_hidden = {}, {}, 0
    for (row, product), grade in judged.items():
        if splits[row] != "train":
            judgments[row, product] = grade
        if splits[row] != "test" and grade >= 2:
            clicks[row, product] = 1.0
    for (row, product), weight in clicked.items():
        if splits[row] == "test" and judged:
            num_hidden += 1
            continue
        if splits[row] != "test":
            clicks[row, product] = weight
        if splits[row] != "train" and TEXTS[row] not in judged_texts:
            judgments[row, product] = 2
    relevant = {row for (row, _), grade in judgments.items() if grade >= 2}
    hopeless = {row for row, _ in judgments} - relevant
    used = {row for row, _ in (*clicks, *judgments)} - hopeless

    found = part_pairs(row_pairs(rows), row_pairs(judged.items()), splits,
                       np.array([text in judged_texts for text in TEXTS]))
    for columns, records in ((found.clicks, clicks), (found.judgments, judgments)):
        assert list(as_dict(columns).items()) == [
            (pair, amount) for pair, amount in records.items() if pair[0] in used]
    assert np.flatnonzero(found.used).tolist() == sorted(used)
    assert (found.num_hidden, found.num_hopeless) == (
        num_hidden, sum(row in hopeless for row, _ in judgments))
