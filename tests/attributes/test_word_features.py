"""Any text becomes numbers in range; a word has the same ones wherever it stands."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.attributes.annotations import annotate
from gram_jax.attributes.known_values import KnownValues
from gram_jax.attributes.word_features import MAX_NGRAMS, WordFeatures, ngram_hashes

NUM_NGRAMS = 512
TYPES = ("brand", "color")
TEXTS = [annotate("1", "s", "Nature Made red tea", [("brand", "Nature Made"), ("color", "red")]),
         annotate("2", "s", "Nature Made green tea", [("brand", "Nature Made")]),
         annotate("3", "s", "red red wine", [])]


def features(texts=TEXTS):
    return WordFeatures(NUM_NGRAMS, KnownValues.build(texts, TYPES))


@given(st.text(max_size=80))
def test_any_text_has_features_in_range(text):
    read = features()
    row = read.read(text)
    length = max(len(row.words), 1)
    ngrams, marks, lengths = read.padded([row, read.read("")], length + 2)
    assert ngrams.shape == (2, length + 2, MAX_NGRAMS) and lengths.tolist() == [len(row.words), 0]
    assert ngrams.min() >= 0 and ngrams.max() < NUM_NGRAMS
    assert marks.min() >= 0 and marks.max() < read.num_marks
    assert not ngrams[0, len(row.words):].any() and not marks[1].any()
    assert ngrams[0, :len(row.words), 0].all(), "a word without n-grams"


@given(st.text(min_size=1, max_size=200))
def test_hashes_are_unique_pieces_and_never_padding(word):
    hashes = ngram_hashes(word, NUM_NGRAMS)
    assert 1 <= len(hashes) <= MAX_NGRAMS and all(0 < value < NUM_NGRAMS for value in hashes)
    assert hashes == ngram_hashes(word, NUM_NGRAMS)


def test_a_word_has_the_same_ngrams_everywhere_and_a_typo_shares_most():
    read = features()
    ngrams, _, _ = read.padded([read.read("stainless steel"), read.read("steel, stainless")], 3)
    np.testing.assert_array_equal(ngrams[0, 0], ngrams[1, 2])
    right, typo, other = (set(ngram_hashes(word, 1 << 20))
                          for word in ("stainless", "stainles", "cordless"))
    assert len(right & typo) > len(right & other) > 0


def test_a_part_has_the_features_of_its_words():
    read = features()
    whole, part = read.read("a big red tea pot"), read.read("a big red tea pot").part(1, 4)
    assert [part.text[start:end] for start, end in part.places] == ["big", "red", "tea"]
    np.testing.assert_array_equal(part.words, whole.words[1:4])


def known_of(text, own=None):
    read = features()
    return read.read(text, own=own).known


def test_known_values_are_pointed_out_by_type_and_rate():
    marks = known_of("Nature Made white tea")
    assert marks[0, 0] != marks[1, 0] >= 0, "begin and inside of a value differ"
    assert (marks[2:, 0] == -1).all() and (marks[:2, 1] == -1).all()
    assert known_of("red")[0, 1] >= 0, "a value of one word is also known as a word"


def test_a_text_is_not_told_what_it_taught():
    assert (known_of(TEXTS[0].text, own=TEXTS[0])[2] == -1).all(), "only this text marks 'red'"
    assert known_of(TEXTS[0].text, own=TEXTS[0])[0, 0] >= 0, "another text marks 'Nature Made'"


def test_a_value_that_is_seldom_marked_is_no_hint():
    often = [annotate(str(number), "s", "original taste", []) for number in range(20)]
    read = features([*often, annotate("x", "s", "original", [("brand", "original")])])
    assert (read.read("original").known == -1).all()


def test_known_values_survive_a_file(tmp_path):
    known = KnownValues.build(TEXTS, TYPES)
    known.save(tmp_path / "known.json")
    assert KnownValues.load(tmp_path / "known.json") == known
