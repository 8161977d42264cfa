"""Single fields: what is taken, and what is refused with which reason."""

import decimal
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.catalog import validation
from gram_jax.catalog.validation import BadRow, BadRows
from gram_jax.core.errors import ConfigError, InputError


@pytest.mark.parametrize(("value", "texts"), [
    ("red", ("red",)), (" red ", ("red",)), ("", ()), ("  ", ()), (None, ()), (math.nan, ()),
    (5, ("5",)), (5.0, ("5",)), (5.5, ("5.5",)), (decimal.Decimal("9.90"), ("9.90",)),
    (True, ("waterproof",)), (False, ()), (["a", "b", "a", ""], ("a", "b")), ([], ()),
    ([1, "x", None], ("1", "x")),
])
def test_attribute_values_are_unique_texts(value, texts):
    assert validation.attribute_values("waterproof", value) == texts


@pytest.mark.parametrize("value", [{"a": 1}, [["a"]], [{}], math.inf, b"x", object()])
def test_other_attribute_values_are_of_the_wrong_type(value):
    with pytest.raises(BadRow) as caught:
        validation.attribute_values("size", value)
    assert caught.value.reason == "wrong type of size"


def test_nested_attributes_join_the_others():
    values = {"color": "red", "attributes": {"color": ["blue", "red"], "size": 5, "gone": ""}}
    assert validation.merged_attributes(values, ["color"]) == {
        "color": ("red", "blue"), "size": ("5",)}
    with pytest.raises(BadRow, match="not a mapping"):
        validation.merged_attributes({"attributes": "red"}, [])


@given(st.integers())
def test_whole_numbers_and_their_texts_are_the_same_id(number):
    assert validation.id_field({"id": number}, "id") == validation.id_field(
        {"id": str(number)}, "id") == str(number)


@pytest.mark.parametrize(("field", "value", "reason"), [
    (validation.id_field, 1.5, "wrong type of x"), (validation.id_field, True, "wrong type of x"),
    (validation.id_field, "", "empty x"), (validation.id_field, "a b", "white space in x"),
    (validation.id_field, None, "missing x"), (validation.id_field, math.nan, "missing x"),
    (validation.text_field, 5, "wrong type of x"), (validation.text_field, " ", "empty x"),
    (validation.text_field, None, "missing x"), (validation.grade_field, 4, "wrong x"),
    (validation.grade_field, 1.5, "wrong x"), (validation.grade_field, "E", "wrong type of x"),
    (validation.grade_field, None, "missing x"), (validation.grade_field, "", "wrong type of x"),
    (validation.weight_field, 0, "wrong x"), (validation.weight_field, -1, "wrong x"),
    (validation.weight_field, "inf", "wrong x"), (validation.weight_field, 10**400,
                                                  "wrong type of x"),
    (validation.weight_field, "many", "wrong type of x"),
    (validation.weight_field, True, "wrong type of x"), (validation.split_field, "dev", "wrong x"),
])
def test_bad_fields_say_why(field, value, reason):
    with pytest.raises(BadRow) as caught:
        field({"x": value}, "x")
    assert caught.value.reason == reason and caught.value.remedy


def test_good_fields_are_taken():
    assert validation.grade_field({"x": "2"}, "x") == validation.grade_field({"x": 2.0}, "x") == 2
    assert validation.weight_field({}) == validation.weight_field({"weight": ""}) == 1.0
    assert validation.weight_field({"weight": "2.5"}) == 2.5
    assert validation.split_field({}) is None
    assert validation.split_field({"split": "tune"}) == "tune"
    assert validation.optional_id_field({"q": ""}, "q") is None


def test_bad_rows_are_refused_or_counted(tmp_path):
    bad = BadRow("empty title", "title is empty", "Give every row a title.")
    with pytest.raises(InputError, match="line 7: title is empty") as caught:
        BadRows("refuse").handle(bad, kind="products", path=tmp_path, line=7)
    assert "--on_bad_rows=skip" in caught.value.remedy
    policy = BadRows("skip")
    policy.handle(bad, kind="products", path=tmp_path, line=7)
    assert policy.dropped == {"products: empty title": 1}
    with pytest.raises(ConfigError, match="refuse"):
        BadRows("ignore")
