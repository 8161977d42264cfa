"""Examples as arrays say the same as the examples, and grow without losing anything."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.coded_texts import CodedTexts
from gram_jax.codes.examples import CodeExample
from gram_jax.core.errors import ArtifactError

NAMES = "abcdef"
TABLE = CodeTable.build({Code(name, (("category", name),)): [0] for name in NAMES}, ["p0"])
ROWS = st.lists(st.lists(st.sampled_from(NAMES), unique=True), max_size=6)


def coded(rows) -> CodedTexts:
    return CodedTexts.of_examples((CodeExample(f"q{at}", f"text {at}", tuple(row))
                                   for at, row in enumerate(rows)), TABLE)


@given(ROWS)
def test_examples_come_back_in_their_order_and_those_without_codes_do_not(rows):
    assert [(example.example_id, example.text, list(example.codes))
            for example in coded(rows).examples()] == [
        (f"q{at}", f"text {at}", row) for at, row in enumerate(rows) if row]


@given(ROWS, ROWS)
def test_further_codes_stand_behind_those_that_are_there(rows, more):
    texts = coded(rows)
    further = [(row, code) for row, codes in enumerate(more[:len(rows)]) for code in codes
               if code not in rows[row]]
    grown = texts.with_codes(np.array([row for row, _ in further], np.int64),
                             np.array([TABLE.id_of_text[code] for _, code in further], np.int32))
    expected = [(*codes, *(code for at, code in further if at == row))
                for row, codes in enumerate(rows)]
    assert [example.codes for example in grown.examples()] == [row for row in expected if row]


@given(ROWS)
def test_it_knows_what_it_holds(rows):
    texts = coded(rows)
    every = [(row, code) for row in range(len(rows)) for code in range(len(NAMES))]
    found = texts.holds(*np.array(every, np.int64).reshape(-1, 2).T)
    assert found.tolist() == [NAMES[code] in rows[row] for row, code in every]


def test_rows_are_added_without_codes_and_once():
    texts = coded([["a"], ["b", "c"]]).with_rows(["q1", "q7"], ["another text", "text 7"])
    assert texts.ids == ("q0", "q1", "q7") and texts.texts == ("text 0", "text 1", "text 7")
    assert np.diff(texts.starts).tolist() == [1, 2, 0]


def test_what_is_not_of_the_table_or_there_twice_is_refused():
    with pytest.raises(ArtifactError, match="'z'"):
        coded([["z"]])
    with pytest.raises(ValueError, match="twice"):
        coded([["a"]]).with_codes(np.array([0]), np.array([0]))
    with pytest.raises(ValueError, match="outside"):
        coded([["a"]]).with_codes(np.array([0]), np.array([6]))
