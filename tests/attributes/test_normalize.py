"""The normal form: idempotent, and one for the ways in which one value is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.attributes.normalize import (
    normalize_value,
    read_words,
    value_words,
)
from gram_jax.attributes.plurals import fold_plural
from gram_jax.attributes.units import unit_types

_FRAGMENTS = st.sampled_from([
    "12", "1/2", "1 1/2", "1-1/2", ".5", "5.5", "40,000", "in", "in.", "inch", '"', "''", "'", "ft",
    "x", " ", "-", "sq", "cu. ft.", "boxes", "glasses", "series", "shelves", "&amp;", "%", "V", "w",
    "men's", "knives", "pack", "of", "set", "6", "2.0", "0.5", "1,5", "l", "per", "case", "cts",
    "inchs", "gal", "count", "oz", "²", "Ⅷ", "ﬁ", "日本", "٣", "\u2019", "1½"])
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
    ("Shelves", "shelf"), ("men's", "Mens"), ("A &amp; B", "A & B"), ("4-Pack", "4 pk"),
    ("#12 ga", "12-gauge"), ("1 gal.", "1-gallon"), ("6 pk", "pack of 6"), ("(6 count)", "6-pack"),
    ("6 ct", "set of 6"), ("12 per case", "Case of 12"), ("1,000 watt", "1000 w"),
    ("1.0 gal.", "1 gal"), ("0,75 l", ".75 liter"), ("2.50 in", '2-1/2"'), ("0.5 hp", "1/2 hp"),
    ("25 Stück", "25 pieces")])
def test_ways_to_write_one_value_meet(one, other):
    assert normalize_value(one) == normalize_value(other)


@pytest.mark.parametrize(("text", "normal"), [
    ("box of 5 lbs", "box of 5 lb"), ("set of 2x4", "set of 2 x 4"), ("1.5 volt", "1.5 volt"),
    ("1.28 gal", "1.28 gal"), ("1,5 packs", "1 5 pack"), ("v 1.10.0", "v 1.10.0"),
    ("4 pieces", "4 piece"), ("2 0.5 in", "2 0.5 in"), ("case of beer", "case of beer")])
def test_what_only_looks_alike_stays_apart(text, normal):
    assert normalize_value(text) == normal


@given(_TEXTS)
def test_every_word_of_the_normal_form_was_written_somewhere(text):
    reading = read_words(text)
    assert reading.words == value_words(text) and len(reading.starts) == len(reading.words)
    assert list(reading.starts) == sorted(reading.starts)
    if reading.words:
        assert reading.surface(0, len(reading.words)) == " ".join(reading.raw)


def test_the_surface_of_a_measure_is_how_it_was_written():
    reading = read_words("Drain cables, 12 ga., pack of 6")
    assert reading.words == ("drain", "cable", "12", "gauge", "6", "pack")
    assert [reading.surface(1, 2), reading.surface(2, 4), reading.surface(4, 6)] == [
        "cables", "12 ga", "pack of 6"]


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
