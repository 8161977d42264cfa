"""A new word is one token wherever it stands, and what was spelled before is spelled the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.core.errors import ConfigError
from gram_jax.text.new_words import sentencepiece_with_words, tokenizer_with_words
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary

WORDS = tuple(f"sid{level}c{number:03}" for level in range(3) for number in range(150))


@pytest.fixture(scope="module")
def grown(vocabulary):
    return SentencePieceVocabulary(sentencepiece_with_words(vocabulary.model_bytes, WORDS))


@given(st.lists(st.integers(0, len(WORDS) - 1), max_size=6))
def test_words_are_the_ids_behind_the_others_and_read_back(vocabulary, grown, numbers):
    assert grown.vocab_size == vocabulary.vocab_size + len(WORDS)
    text = " ".join(WORDS[number] for number in numbers)
    tokens, = grown.encode([text])
    assert tokens == [vocabulary.vocab_size + number for number in numbers]
    assert grown.decode([tokens]) == [text]


@settings(max_examples=25)
@given(st.text(max_size=20))
def test_other_texts_are_spelled_as_before(vocabulary, grown, text):
    assert grown.encode([text]) == vocabulary.encode([text])


def test_a_word_stands_among_others(vocabulary, grown):
    before, behind = vocabulary.encode(["query: red shoe", "sink"])
    found, = grown.encode([f"query: red shoe {WORDS[7]} sink"])
    assert found == [*before, vocabulary.vocab_size + 7, *behind]


def test_words_that_look_like_the_vocabulary_s_own_are_tokens_too(tmp_path):
    path = tmp_path / "vocabulary.model"
    train_vocabulary(["sid sid0c sid1c c0 c1 00 01 0 1 2 3"] * 50, vocab_size=300, path=path)
    before = SentencePieceVocabulary.load(path)
    after = SentencePieceVocabulary(sentencepiece_with_words(before.model_bytes, WORDS))
    assert after.encode(WORDS[:2]) == [[before.vocab_size], [before.vocab_size + 1]]


@pytest.mark.parametrize(("words", "message"), [
    (["sid0", "sid0"], "twice"), (["two words"], "not one word"), (["Upper"], "normal form"),
    ([""], "not one word"),
])
def test_what_is_no_word_is_refused(vocabulary, words, message):
    with pytest.raises(ConfigError, match=message):
        sentencepiece_with_words(vocabulary.model_bytes, words)


def test_a_word_that_the_vocabulary_has_is_refused(vocabulary, grown):
    with pytest.raises(ConfigError, match="sid0c001 is already defined"):
        sentencepiece_with_words(grown.model_bytes, ["sid0c001"])


def test_a_wordpiece_vocabulary_generates_them_among_its_first_ids():
    pytest.importorskip("tokenizers", reason="needs the extra 'pretrained'")
    from gram_jax.testing.tiny_bert import TOKENS, tokenizer_json
    from gram_jax.text.wordpiece import WordPieceVocabulary, renumbered_wordpiece

    plain = WordPieceVocabulary(renumbered_wordpiece(tokenizer_json(TOKENS), []))
    grown = WordPieceVocabulary(renumbered_wordpiece(
        tokenizer_with_words(tokenizer_json(TOKENS), WORDS), WORDS))
    assert grown.vocab_size == plain.vocab_size + len(WORDS)
    rows = grown.encode(WORDS)
    assert all(len(row) == 1 and row[0] < grown.output_vocab_size for row in rows)
    assert len({row[0] for row in rows}) == len(WORDS)
    pair = " ".join(WORDS[:2])
    assert grown.decode(grown.encode([pair])) == [pair]

    def tokens(vocabulary, text):
        return [vocabulary.tokens[token] for token in vocabulary.encode([text])[0]]

    for text in ("query: red running shoe", "1/2 in. sid0 pipe"):
        assert tokens(grown, text) == tokens(plain, text)


@pytest.mark.parametrize("word", ["red", "sid_0"])
def test_what_a_wordpiece_tokenizer_has_or_cuts_is_refused(word):
    from gram_jax.testing.tiny_bert import TOKENS, tokenizer_json

    with pytest.raises(ConfigError, match=word):
        tokenizer_with_words(tokenizer_json(TOKENS), [word])
