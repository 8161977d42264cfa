"""Measures and sizes against readings by hand and a search of every window."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from gram_jax.attributes.measures import measure_spans, size_spans
from gram_jax.attributes.normalize import value_words
from gram_jax.attributes.units import NUMBER, unit_types


def _values(spans):
    return [span.value for span in spans]


def test_measures_take_the_type_of_their_unit():
    spans = measure_spans(value_words('20V drill, 4-Pack, 3/4 in. chuck and 5 cu. ft. box'))
    assert [(span.attribute, span.value) for span in spans] == [
        ("technical_specification", "20 volt"), ("sales_specification", "4 pack"),
        ("technical_specification", "3/4 in"), ("technical_specification", "5 cu ft")]


def test_sizes_meet_with_and_without_units():
    for text in ("door 36x80", "36 in. x 80 in. door", '36" W x 80" L', "36 in W x 80 in L door"):
        assert _values(size_spans(value_words(text))) == ["36 x 80"]
    assert _values(size_spans(value_words("2 x 4 x 8 ft and 3 x red"))) == ["2 x 4 x 8"]
    assert size_spans(value_words("3 red x 4")) == []


@given(st.lists(st.sampled_from(["2", "1/2", "in", "ft", "sq", "x", "w", "red"]), max_size=9))
def test_spans_lie_in_the_text_and_measures_are_all_found(parts):
    text_words = tuple(parts)
    measures = {(start, end) for start in range(len(parts)) for end in (start + 2, start + 3)
                if end <= len(parts) and NUMBER.fullmatch(parts[start])
                and " ".join(parts[start + 1:end]) in unit_types()}
    assert {(span.start, span.end) for span in measure_spans(text_words)} == measures
    sizes = size_spans(text_words)
    assert all(0 <= span.start < span.end <= len(parts) for span in sizes)
    assert all(a.end <= b.start for a, b in itertools.pairwise(sizes))
    for span in sizes:
        numbers = [word for word in text_words[span.start:span.end] if NUMBER.fullmatch(word)]
        assert span.value == " x ".join(numbers) and len(numbers) > 1
