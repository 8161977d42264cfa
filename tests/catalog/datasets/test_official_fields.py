"""Markup becomes plain text and never takes text with it; labels are the known ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.catalog.datasets.official_fields import choice_field, plain_field, plain_text
from gram_jax.catalog.validation import BadRow


@pytest.mark.parametrize("markup, text", [
    ("<p>For <b>runners</b>.<br/>Sole</p>", "For runners . Sole"),
    ("width < 5 in. and > 3 in.", "width < 5 in. and > 3 in."),
    ("Black &amp; Decker 6&quot;", 'Black & Decker 6"'),
    ("a<!-- <b>hidden</b>\n -->b", "a b"),
    ("  two\n\nlines\t", "two lines"),
    ("حذاء <i>أحمر</i> 👟", "حذاء أحمر 👟"),
    ("", ""),
])
def test_plain_text(markup, text):
    assert plain_text(markup) == text


@given(st.text(st.characters(exclude_characters="<>&"), max_size=200))
def test_text_without_markup_keeps_every_word(text):
    assert plain_text(text).split() == text.split()


def test_a_field_may_be_absent_or_a_number_and_not_a_mapping():
    assert plain_field({"a": None}, "a") == plain_field({}, "a") == ""
    assert plain_field({"a": 3.0}, "a") == "3"
    with pytest.raises(BadRow):
        plain_field({"a": {"b": 1}}, "a")


@pytest.mark.parametrize("value", ["X", None, 1.5, ["E"], {}])
def test_an_unknown_label_is_refused_and_the_known_are_listed(value):
    assert choice_field({"label": "E"}, "label", {"E": 3}) == 3
    with pytest.raises(BadRow, match="'E'"):
        choice_field({"label": value}, "label", {"E": 3})
