"""A value table says what lists of values say, however the rows were divided."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.attributes.schema import AttributeSchema
from gram_jax.attributes.value_table import ValueShard, ValueTable, row_values
from gram_jax.core.errors import ArtifactError

SCHEMA = AttributeSchema(("brand", "category", "color"))
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6) | st.sampled_from(
    ["red", "مصباح", "👟", "red shoe", "a\nb", "x" * 300])
values = st.lists(st.tuples(st.sampled_from(SCHEMA.names), texts), max_size=5, unique=True).map(
    tuple)
rows = st.lists(values, max_size=8)


def commonest_types(rows) -> dict[str, str]:
    counts = Counter(pair for values in rows for pair in values)
    found: dict[str, str] = {}
    for attribute in SCHEMA.names:
        for one, text in counts:
            best = found.get(text)
            if one == attribute and (best is None or counts[one, text] > counts[best, text]):
                found[text] = attribute
    return found


def assert_equal(one: ValueTable, other: ValueTable) -> None:
    assert one.values == other.values
    np.testing.assert_array_equal(one.starts, other.starts)
    np.testing.assert_array_equal(one.held, other.held)


@given(rows)
def test_rows_hold_their_texts_each_under_its_commonest_type(rows):
    table = ValueTable.build(iter(rows), SCHEMA)
    types = commonest_types(rows)
    assert {text: attribute for attribute, text in table.values} == types
    assert table.num_rows == len(rows)
    assert [[text for _, text in held] for held in row_values(table)] == [
        sorted({text for _, text in values}) for values in rows]
    assert {table.values[value][1]: row.tolist()
            for value, row in enumerate(table.postings)} == {
        text: [row for row, values in enumerate(rows) if text in {t for _, t in values}]
        for text in types}
    assert table.sizes.tolist() == [len(posting) for posting in table.postings]


@given(rows, st.lists(st.integers(0, 8), max_size=3))
def test_the_division_into_shards_does_not_matter(rows, cuts):
    bounds = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    shards = [ValueShard.of(rows[start:end]) for start, end in itertools.pairwise(bounds)]
    assert_equal(ValueTable.join(iter(shards), SCHEMA), ValueTable.build(rows, SCHEMA))


@given(rows, st.data())
def test_chosen_rows_are_those_rows(rows, data):
    table = ValueTable.build(rows, SCHEMA)
    chosen = data.draw(st.lists(st.sampled_from(range(len(rows))))) if rows else []
    found = table.chosen(np.array(chosen, np.int64))
    assert list(row_values(found)) == list(row_values(table, chosen))


@given(rows, rows)
def test_renumbered_rows_keep_what_the_other_table_knows(rows, others):
    one, other = ValueTable.build(rows, SCHEMA), ValueTable.build(others, SCHEMA)
    renumbered = one.numbered_as(other)
    assert renumbered.values == other.values
    known = {text for _, text in other.values}
    assert [[text for _, text in held] for held in row_values(renumbered)] == [
        [text for _, text in held if text in known] for held in row_values(one)]


@given(rows)
def test_a_table_comes_back_from_disk(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("values") / "table"
    table = ValueTable.build(rows, SCHEMA)
    table.save(folder)
    assert_equal(ValueTable.load(folder), table)


@pytest.mark.parametrize("file", ["values.jsonl", "rows.npz"])
def test_a_damaged_folder_is_not_read(tmp_path, file):
    ValueTable.build([(("brand", "nike"), ("color", "red")), (("color", "red"),)],
                     SCHEMA).save(tmp_path / "t")
    whole = (tmp_path / "t" / file).read_bytes()
    for damaged in (whole[:-9], b"", whole[:5]):
        (tmp_path / "t" / file).write_bytes(damaged)
        with pytest.raises(ArtifactError, match="attributes stage again"):
            ValueTable.load(tmp_path / "t")
    (tmp_path / "t" / file).unlink()
    with pytest.raises(ArtifactError, match="does not hold a value table"):
        ValueTable.load(tmp_path / "t")


@pytest.mark.parametrize(("changes", "message"), [
    ({"values": (("color", "b"), ("color", "a"))}, "not sorted"),
    ({"values": (("color", "a"), ("brand", "a"))}, "not sorted"),
    ({"starts": [0, 2, 1, 3]}, "do not divide"),
    ({"starts": [0, 2, 2]}, "do not divide"),
    ({"starts": []}, "do not divide"),
    ({"held": [0, 1, 2]}, "outside 2"),
    ({"held": [0, 1, -1]}, "outside 2"),
    ({"held": [1, 0, 1]}, "do not rise"),
    ({"held": [1, 1, 1]}, "do not rise"),
])
def test_what_is_no_table_is_refused(changes, message):
    parts = {"values": (("color", "a"), ("color", "b")), "starts": [0, 2, 2, 3],
             "held": [0, 1, 0]}

    def build(values, starts, held):
        return ValueTable(values, np.array(starts, np.int64), np.array(held, np.int32))

    assert build(**parts).num_rows == 3
    with pytest.raises(ValueError, match=message):
        build(**(parts | changes))
