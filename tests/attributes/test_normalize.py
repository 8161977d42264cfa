"""The normal form: idempotent, and one for the ways in which one value is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.attributes.normalize import fold_plural, normalize_value, unit_types, value_words

_FRAGMENTS = st.sampled_from([
    "12", "1/2", "1 1/2", "1-1/2", ".5", "5.5", "40,000", "in", "in.", "inch", '"', "''", "'", "ft",
    "x", " ", "-", "sq", "cu. ft.", "boxes", "glasses", "series", "shelves", "&amp;", "%", "V", "w",
    "men's", "knives", "²", "Ⅷ", "ﬁ", "日本", "٣", "\u2019", "1½"])
_TEXTS = st.one_of(st.text(max_size=30), st.lists(_FRAGMENTS, max_size=8).map("".join),
                   st.lists(_FRAGMENTS, max_size=8).map(" ".join))


@given(_TEXTS)
def test_normal_form_is_a_fixed_point(text):
    normal = normalize_value(text)
    assert normalize_value(normal) == normal
    assert "|" not in normal and normal == normal.strip()


@given(st.text(max_size=12))
def test_folding_plurals_twice_changes_nothing(word):
    assert fold_plural(fold_plural(word)) == fold_plural(word)


@pytest.mark.parametrize(("one", "other"), [
    ("Kitchen Sinks", "kitchen  sink"), ("12-Gauge", "12 ga."), ('60"', "60 inches"),
    ("60-in.", "60 Inch"), ("1 1/2 in", "1-1/2 inches"), ("18V", "18 volts"), ("6'", "6 feet"),
    ("2x4", "2 x 4"), ("6'x9'", "6 ft x 9 ft"), (".5 in", "0.5 inch"), ("40,000 BTU", "40000 btu"),
    ("100 sq. ft.", "100 square feet"), ("Brushes", "brush"), ("batteries", "battery"),
    ("Shelves", "shelf"), ("men's", "Mens"), ("A &amp; B", "A & B"), ("4-Pack", "4 pk")])
def test_ways_to_write_one_value_meet(one, other):
    assert normalize_value(one) == normalize_value(other)


@pytest.mark.parametrize("word", ["stainless", "glass", "series", "canvas", "lens", "gas", "bus",
                                  "chassis", "m18s"])
def test_what_only_looks_like_a_plural_stays(word):
    assert fold_plural(word) == word


def test_units_are_spelled_alike_only_behind_a_number():
    assert value_words("12 in x 3 feet in red") == ("12", "in", "x", "3", "ft", "in", "red")
    assert value_words("inch worm") == ("inch", "worm")


def test_units_are_in_normal_form():
    for unit in unit_types():
        assert value_words(f"3 {unit}") == ("3", *unit.split(" "))
