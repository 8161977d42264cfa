"""A book of words gives each word one number, its n-grams and its rarity, also after saving."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.alignment.word_book import WordBook
from gram_jax.attributes.normalize import value_words
from gram_jax.attributes.word_features import ngram_hashes
from gram_jax.core.errors import ArtifactError

TITLES = ["Nike running shoes, red", "red shoe 10 in.", "kitchen sink", "10\" red bowl", "red"]


def book() -> WordBook:
    return WordBook.count(TITLES, 128)


@given(st.lists(st.text(max_size=20), max_size=5), st.integers(1, 6))
def test_one_word_has_one_number_wherever_it_stands(texts, max_words):
    words, number = book(), {}
    rows = words.read([*texts, *texts], max_words)
    assert rows.dtype == np.int32 and rows.shape == (2 * len(texts), max_words)
    np.testing.assert_array_equal(rows[:len(texts)], rows[len(texts):])
    for text, row in zip(texts, rows):
        expected = value_words(text)[:max_words]
        assert np.count_nonzero(row) == len(expected) and not row[len(expected):].any()
        for word, found in zip(expected, row.tolist()):
            assert number.setdefault(word, found) == found
            hashes = ngram_hashes(word, 128)
            assert words.ngrams[found, :len(hashes)].tolist() == hashes
    assert len(set(number.values())) == len(number) == words.num_words - 1
    assert not words.ngrams[0].any()


def test_rarity_falls_with_the_texts_that_have_a_word():
    words = book()
    numbers = words.read(["red shoes sink zyzzyva"], 4)[0]
    red, shoe, sink, unknown = words.rarities[numbers]
    assert red == pytest.approx(1 - math.log(5) / math.log(6))
    assert shoe == pytest.approx(1 - math.log(3) / math.log(6))
    assert sink == unknown == 1.0, "a word of one text is as rare as one of none"


def test_spellings_of_one_measure_are_one_word():
    first, second = book().read(['10" bowls', "bowl of 10 inches"], 8)
    assert set(first[:2].tolist()) <= set(second.tolist())


def test_it_grows_with_the_words_it_meets_and_survives_saving(tmp_path):
    words = book()
    words.read([f"word{number}" for number in range(3000)], 2)
    assert words.num_words == 3001 and words.ngrams.shape[0] == 3001
    words.save(tmp_path / "words.json")
    loaded = WordBook.load(tmp_path / "words.json")
    for one in (words, loaded):
        one.read(TITLES, 9)
    for text in ("red", "sink", "word7"):
        ours, theirs = (int(one.read([text], 1)[0, 0]) for one in (words, loaded))
        assert words.rarities[ours] == loaded.rarities[theirs]
        np.testing.assert_array_equal(words.ngrams[ours], loaded.ngrams[theirs])


def test_a_missing_or_damaged_file_says_what_to_do(tmp_path):
    for content in (None, "{", '{"num_ngrams": 4}'):
        if content is not None:
            (tmp_path / "words.json").write_text(content)
        with pytest.raises(ArtifactError, match="run the relevance stage again"):
            WordBook.load(tmp_path / "words.json")
