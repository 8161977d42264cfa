"""Words of a text as typed: they cover all that is visible, in order, and lose nothing."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.text.word_places import word_places


def spelled(text):
    return [text[start:end] for start, end in word_places(text)]


@given(st.text())
def test_words_are_in_order_and_cover_everything_but_white_space(text):
    places = word_places(text)
    assert all(start < end for start, end in places)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(places))
    covered = {at for start, end in places for at in range(start, end)}
    assert all(char.isspace() for at, char in enumerate(text) if at not in covered)


@pytest.mark.parametrize(("text", "expected"), [
    ("Red Patent, 14 M US", ["Red", "Patent", ",", "14", "M", "US"]),
    ("12oz K-Cup SPF50+", ["12", "oz", "K", "-", "Cup", "SPF", "50", "+"]),
    ("8.5 3/4\" 10,000", ["8.5", "3/4", "\"", "10,000"]),
    ("\u05e0\u05e2\u05dc \u05d0\u05d3", ["\u05e0\u05e2\u05dc", "\u05d0\u05d3"]),
    ("\u8d64\u9774", ["\u8d64", "\u9774"]),
    ("cafe\u0301 \U0001f45f", ["cafe\u0301", "\U0001f45f"]),
    ("", []), (" \t\n", []),
])
def test_what_is_a_word(text, expected):
    assert spelled(text) == expected


def test_ten_thousand_characters_take_no_time():
    assert len(word_places("a1 " * 3334)) == 2 * 3334
