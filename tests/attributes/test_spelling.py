"""Corrections touch unknown words only, and only where one correction is clearly best."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from gram_jax.attributes.spelling import Spelling, SpellingSettings, learn_spelling
from gram_jax.attributes.term_counts import TermCounts, count_text_terms
from gram_jax.core.errors import ArtifactError

_PRODUCTS = {"faucet": 90, "plastic": 60, "bathroom": 80, "dewalt": 40, "cover": 50, "cower": 40,
             "refrigerator": 30, "the": 500, "wall": 70, "rare": 1, "polymer": 30, "sink": 90}
_SPELLING = Spelling(_PRODUCTS, frozenset(["pram"]))


def _corrected(text):
    return " ".join(word for piece in _SPELLING.correct(text.split()) for word in piece.words)


@pytest.mark.parametrize(("text", "right"), [
    ("bathroom fauct", "bathroom faucet"), ("fuacet", "faucet"), ("refridgerater", "refrigerator"),
    ("plasticbathroom faucet", "plastic bathroom faucet"), ("de walt sink", "dewalt sink"),
    ("thewall", "thewall"),  # a stop word says nothing of its own
    ("coder", "coder"),  # cover and cower are about as common
    ("pram", "pram"), ("rare", "rare"), ("snk", "snk"), ("m18x", "m18x"),
    ("polymeric", "polymeric"), ("bolymerx", "bolymerx"), ("кран", "кран"), ("", "")])
def test_corrections(text, right):
    assert _corrected(text) == right


_LETTERS = st.text("aeflptu", min_size=1, max_size=9)


@given(st.lists(st.one_of(st.sampled_from(sorted(_PRODUCTS)), _LETTERS), max_size=6))
def test_pieces_cover_the_words_and_known_words_stay(words):
    pieces = _SPELLING.correct(words)
    assert [word for piece in pieces for word in piece.written] == words
    assert [piece.start for piece in pieces] == [0, *(piece.end for piece in pieces)][:len(pieces)]
    for piece in pieces:
        if piece.words != piece.written:
            assert not all(map(_SPELLING.knows, piece.written))
            assert all(_PRODUCTS.get(word, 0) >= 5 for word in piece.words)


@given(_LETTERS)
def test_a_correction_of_one_word_is_the_clearly_commonest_of_those_so_near(word):
    (piece,) = _SPELLING.correct([word])
    if len(piece.words) > 1 or piece.words == (word,):
        return
    slips = OSA.distance(word, piece.words[0])
    assert slips == 1 or (slips == 2 and len(word) >= 8)
    near = [_PRODUCTS[other] for other in _PRODUCTS if len(other) >= 4 and _PRODUCTS[other] >= 5
            and OSA.distance(word, other) <= slips and other != piece.words[0]
            and (slips == 1 or other[0] == word[0])]
    assert _PRODUCTS[piece.words[0]] >= 3 * max(near, default=0)


def test_words_of_a_catalogue_and_of_several_shoppers_are_known():
    counts = TermCounts(vocabulary={"sink": 9, "m18": 9, "faucet": 9})
    asked = count_text_terms(["pram"] * 3 + ["prom"] * 2)
    spelling = learn_spelling(counts, asked)
    assert spelling.products == {"sink": 9, "faucet": 9} and spelling.shopper_words == {"pram"}


def test_a_frequent_slip_of_a_much_more_frequent_word_stays_a_slip():
    counts = TermCounts(vocabulary={"faucet": 9, "sink": 9})
    asked = count_text_terms(["fauct"] * 3 + ["faucet"] * 31 + ["sinck"] * 3 + ["sink"] * 29)
    assert learn_spelling(counts, asked).shopper_words == {"sinck"}


def test_saved_spelling_reads_back(tmp_path):
    spelling = Spelling(_PRODUCTS, frozenset(["pram"]), SpellingSettings(min_length=5))
    spelling.save(tmp_path / "spelling.json")
    assert Spelling.load(tmp_path / "spelling.json") == spelling


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"products": {"a": "b"}}'])
def test_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "spelling.json").write_text(content, encoding="utf-8")
    with pytest.raises(ArtifactError, match="spelling"):
        Spelling.load(tmp_path / "spelling.json")
