"""Annotated values are found where the text spells them, and counted where it does not."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.attributes.annotations import AnnotatedText, annotate
from gram_jax.attributes.normalize import normalize_value
from gram_jax.attributes.text_spans import TextSpan, span_values, value_places, without_overlaps
from gram_jax.text.word_places import word_places


def marked(text, *values):
    found = annotate("t", "s", text, values)
    return [(text[span.start:span.end], span.attribute) for span in found.spans]


def test_every_occurrence_is_marked_whatever_its_case():
    assert marked("RED shoe, red laces", ("color", "Red")) == [("RED", "color"), ("red", "color")]


def test_a_value_stands_in_whole_words_only():
    found = annotate("t", "s", "Mahogany guitar", [("material", "M")])
    assert not found.spans and found.unseen == {("material", "m")}


def test_the_longer_value_has_the_words_and_the_shorter_is_unseen():
    found = annotate("t", "s", "Air Max 90", [("series", "Air"), ("model", "Air Max 90")])
    assert found.spans == (TextSpan(0, 10, "model"),)
    assert found.unseen == {("series", "air")}


def test_a_value_spelled_otherwise_is_marked_by_its_normal_form():
    assert marked("Mens caps", ("target_audience", "Men")) == [("Mens", "target_audience")]


def test_entities_and_white_space_of_a_value_do_not_matter():
    assert marked("For Men & Women", ("target_audience", "Men  &amp; Women")) == [
        ("Men & Women", "target_audience")]


def test_values_without_letters_or_digits_are_no_values():
    assert annotate("t", "s", "a - b", [("model", "-")]).values == frozenset()


@given(st.text(max_size=60), st.lists(st.tuples(st.sampled_from(["brand", "color"]),
                                                st.text(max_size=8)), max_size=4))
def test_any_text_with_any_values_gives_spans_of_whole_words(text, values):
    found = annotate("t", "s", text, values)
    places = word_places(text)
    assert [(places[start][0], places[end - 1][1], attribute)
            for start, end, attribute in found.word_spans(places)] == [
        (span.start, span.end, span.attribute) for span in found.spans]
    assert span_values(text, found.spans) | found.unseen >= found.values


@given(st.text(max_size=40))
def test_places_of_values_read_as_the_value(text):
    words = word_places(text)
    wanted = {normalize_value(text[start:end]) for start, _ in words for _, end in words
              if start < end} - {""}
    for value, places in value_places(text, words, wanted).items():
        assert value in wanted
        assert all(normalize_value(text[start:end]) == value for start, end in places)


def test_values_are_found_under_every_spelling():
    text = "12-Gauge wire, Mens \uff21ir"
    found = value_places(text, word_places(text), {"12 gauge", "man", "men", "air", "copper"})
    spelled = {text[start:end] for places in found.values() for start, end in places}
    assert spelled == {"12-Gauge", "Mens", "\uff21ir"}


spans = st.tuples(st.integers(0, 20), st.integers(1, 6), st.sampled_from("ab")).map(
    lambda row: TextSpan(row[0], row[0] + row[1], row[2]))


@given(st.lists(spans, max_size=8))
def test_without_overlaps_keeps_a_longest_and_nothing_that_could_be_added_is_left(given_spans):
    kept = without_overlaps(given_spans)
    assert all(one.end <= other.start for one, other in itertools.pairwise(kept))
    for span in given_spans:
        assert any(span.start < other.end and other.start < span.end
                   and other.end - other.start >= span.end - span.start for other in kept)


@pytest.mark.parametrize("wrong", [[(0, 0)], [(0, 9)], [(0, 3), (2, 4)], [(2, 4), (0, 1)]])
def test_spans_outside_or_overlapping_are_refused(wrong):
    with pytest.raises(ValueError, match="span"):
        AnnotatedText("t", "s", "abcd", tuple(TextSpan(*pair, "x") for pair in wrong), frozenset())
