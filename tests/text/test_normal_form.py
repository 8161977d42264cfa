"""The normal form is a fixed point, and words do not depend on how a text was typed."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.text.normal_form import _unicode_words, normalize_text, words

texts = st.text(max_size=40)


@given(texts)
def test_normal_form_is_a_fixed_point(text):
    normal = normalize_text(text)
    assert normalize_text(normal) == normal


def test_normal_form_of_every_character_is_a_fixed_point_and_can_be_encoded():
    for code_point in range(sys.maxunicode + 1):
        normal = normalize_text(chr(code_point))
        assert normalize_text(normal) == normal, hex(code_point)
        normal.encode()


@given(texts)
def test_normal_form_has_no_controls_and_only_single_inner_spaces(text):
    normal = normalize_text(text)
    assert normal.split() == [part for part in normal.split(" ") if part]
    assert normal == normal.strip()
    assert not {unicodedata.category(c) for c in normal} & {"Cc", "Cf", "Cs"}


@given(texts)
def test_ascii_and_unicode_readings_agree(text):
    """An invisible character takes a text off the ASCII path and must not change its form."""
    ascii_text = text.encode("ascii", "ignore").decode()
    assert normalize_text("\u200b" + ascii_text) == normalize_text(ascii_text)


@pytest.mark.parametrize(("text", "expected"), [
    ("  Red\tRunning \n Shoe ", "red running shoe"),
    ("\uff26\uff35\uff2c\uff2c \uff37idth", "full width"),
    ("Straße", "strasse"),
    ("cafe\u0301", "café"),
    ("soft\u00adware\u200b \ufeffx", "software x"),
    ("1½ in.", "1-1/2 in."),
    ("¾ in.", "3/4 in."),
    ("a\u2581b", "a b"),
    ("lone \ud800 surrogate\x00", "lone surrogate"),
    ("", ""),
])
def test_normal_forms(text, expected):
    assert normalize_text(text) == expected


@given(texts)
def test_words_of_joined_words_are_the_same_words(text):
    found = words(text)
    assert words(" ".join(found)) == found


@given(texts)
def test_words_keep_every_letter_and_digit(text):
    def letters(s):
        return [c for c in s if c.isalnum()]

    # 'ŉ' and its like bring an apostrophe with them, which is no letter; modifier apostrophes are.
    normal = normalize_text(text).replace("\u02bc", "")
    assert letters("".join(words(text)).replace("\u02bc", "")) == letters(normal)


@pytest.mark.parametrize(("text", "expected"), [
    ("Nike Air-Max 90", ["nike", "air", "max", "90"]),
    ("12ft 5.5in. 1/2 1-1/2", ["12", "ft", "5.5", "in", "1/2", "1-1/2"]),
    ("2x4 M18 DCD771C2", ["2", "x", "4", "m18", "dcd771c2"]),
    ("men's Levi\u2019s", ["mens", "levis"]),
    ("5-in x 3/4-in.", ["5", "in", "x", "3/4", "in"]),
    ("कमीज लाल", ["कमीज", "लाल"]),
    ("красные кроссовки", ["красные", "кроссовки"]),
    ("a_b & c|d", ["a", "b", "c", "d"]),
    ("...", []),
])
def test_words(text, expected):
    assert words(text) == expected


@given(st.text(st.characters(max_codepoint=127), max_size=40))
def test_words_of_ascii_are_those_of_the_general_pattern(text):
    assert words(text) == _unicode_words(normalize_text(text))
