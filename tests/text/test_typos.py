"""A slip is one edit of Damerau's, in a word that is long enough, and never in the first letter."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.text.typos import mistype

texts = st.lists(st.text("abcd1", min_size=1, max_size=7), min_size=1, max_size=4).map(" ".join)


def _one_edit_away(word: str) -> set[str]:
    """All words that one edit makes, behind the first letter."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    splits = [(word[:at], word[at:]) for at in range(1, len(word))]
    return {before + after[1:] for before, after in splits} | {
        before + after[1] + after[0] + after[2:] for before, after in splits if after[1:]} | {
        before + after[0] + after for before, after in splits} | {
        before + letter + after[1:] for before, after in splits for letter in letters}


@given(texts, st.integers(0, 2**31))
def test_one_long_word_is_one_edit_away_and_all_else_is_as_it_was(text, seed):
    found = mistype(text, np.random.default_rng(seed)).split(" ")
    before = text.split(" ")
    assert len(found) == len(before)
    changed = [(old, new) for old, new in zip(before, found) if old != new]
    assert len(changed) <= 1
    for old, new in changed:
        assert len(old) >= 4 and old.isalpha() and new in _one_edit_away(old)


def test_texts_of_short_words_and_numbers_stay():
    rng = np.random.default_rng(0)
    assert all(mistype(text, rng) == text for text in ("2x4 in", "m18", "abc 12345") * 20)


def test_every_kind_of_slip_comes():
    rng = np.random.default_rng(0)
    found = {mistype("hose", rng) for _ in range(300)}
    assert {"hsoe", "hoes", "hse", "hoe", "hoose", "hosse"} <= found and len(found) > 30
