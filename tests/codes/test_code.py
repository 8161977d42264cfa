"""Codes: canonical whatever the order, known by their text, refused when malformed."""

import itertools
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.attributes.schema import AttributeSchema
from gram_jax.codes.code import MAX_VALUES, SEPARATOR, Code, granularity_of

_SCHEMA = AttributeSchema.load()
_PAIRS = st.tuples(st.sampled_from(_SCHEMA.names),
                   st.text("abc12 ", min_size=1, max_size=5).map(str.strip).filter(bool))
_VALUES = st.lists(_PAIRS, min_size=1, max_size=MAX_VALUES)


@given(_VALUES, st.randoms())
def test_the_order_of_values_does_not_matter(values, random):
    shuffled = values[:]
    random.shuffle(shuffled)
    one, other = Code.of(values, _SCHEMA), Code.of(shuffled, _SCHEMA)
    assert one == other and one.values == other.values and hash(one) == hash(other)
    assert one.values == tuple(sorted(one.values, key=lambda p: (_SCHEMA.rank[p[0]], p[1])))


@given(_VALUES)
def test_text_and_values_round_trip(values):
    code = Code.of(values, _SCHEMA)
    assert code.text.split(SEPARATOR) == [value for _, value in code.values]
    assert Code(code.text, code.values) == code
    assert {value for _, value in values} == {value for _, value in code.values}


def test_codes_that_read_alike_are_one():
    one = Code("chrome", (("color", "chrome"),))
    assert one == Code("chrome", (("material", "chrome"),))
    twice = Code.of([("material", "chrome"), ("color", "chrome")], _SCHEMA)
    assert twice.values == (("color", "chrome"),) or twice.values == (("material", "chrome"),)
    assert twice.text == "chrome"


def test_granularity_by_number_of_values():
    assert [granularity_of(count) for count in range(1, 7)] == [
        "coarse", "coarse", "medium", "fine", "fine", "fine"]
    for count in (0, 7):
        with pytest.raises(ValueError, match=str(count)):
            granularity_of(count)


@pytest.mark.parametrize(("text", "values"), [
    ("", ()), ("a|b", (("brand", "a|b"),)), (" a", (("brand", " a"),)), ("b", (("brand", "a"),)),
    ("", (("brand", ""),))])
def test_malformed_codes_are_refused(text, values):
    with pytest.raises(ValueError):
        Code(text, values)


def test_any_schema_with_names_gives_the_order():
    order = types.SimpleNamespace(names=("color", "brand"))
    for values in itertools.permutations([("brand", "nike"), ("color", "red")]):
        assert Code.of(values, order).text == "red | nike"
