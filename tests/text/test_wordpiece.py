"""Texts are split as the published tokenizer splits them, and codes need the first ids alone."""

import itertools
import json
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

tokenizers = pytest.importorskip("tokenizers", reason="needs the extra 'pretrained'")

from gram_jax.core.errors import ArtifactError, ConfigError  # noqa: E402
from gram_jax.testing.tiny_bert import TOKENS, tokenizer_json  # noqa: E402
from gram_jax.text.normal_form import normalize_text  # noqa: E402
from gram_jax.text.wordpiece import (  # noqa: E402
    WordPieceVocabulary,
    renumbered_wordpiece,
    tokens_of,
)

PUBLISHED = tokenizer_json(TOKENS)
FILLERS = tuple(f"filler{number}" for number in range(400))
WIDE = tokenizer_json((*TOKENS, *FILLERS))
# What any text is made of, and what this vocabulary has words and marks for.
texts = st.one_of(st.text(max_size=30), st.lists(st.sampled_from(
    [*TOKENS, "Réd", "SHOES", "[CLS]", "[sep]", " ", "中文", "1/2", "\u200b"]),
    max_size=8).map("".join))


@pytest.fixture(scope="module")
def vocabulary() -> WordPieceVocabulary:
    return WordPieceVocabulary(renumbered_wordpiece(WIDE, ["red | shoes", "stainless steel sink"]))


@pytest.fixture(scope="module")
def published():
    tokenizer = tokenizers.Tokenizer.from_str(WIDE)
    tokenizer.no_truncation()
    return tokenizer


@given(st.lists(texts, max_size=4))
def test_tokens_are_those_of_the_published_tokenizer(vocabulary, published, batch):
    expected = [published.encode(normalize_text(text)).tokens for text in batch]
    assert [[vocabulary.tokens[token] for token in row]
            for row in vocabulary.encode(batch)] == expected


@given(texts)
def test_what_is_decoded_is_spelled_alike(vocabulary, text):
    tokens = vocabulary.encode([text])[0]
    if vocabulary.unk_id not in tokens:
        assert vocabulary.encode(vocabulary.decode([tokens])) == [tokens]


@given(texts)
def test_no_text_holds_a_mark(vocabulary, text):
    marks = {vocabulary.pad_id, vocabulary.eos_id, *vocabulary.start_ids}
    assert not marks & set(vocabulary.encode([text])[0])


@given(st.lists(st.text(st.sampled_from("abcdrs |12"), max_size=12), max_size=6))
def test_outputs_are_spelled_in_the_first_ids(outputs):
    vocabulary = WordPieceVocabulary(renumbered_wordpiece(WIDE, outputs))
    used = set(itertools.chain.from_iterable(vocabulary.encode(outputs)))
    assert all(token < vocabulary.output_vocab_size for token in used)
    assert vocabulary.output_vocab_size % 128 == 0
    assert vocabulary.output_vocab_size - 128 < len(used) + 5
    assert sorted(vocabulary.tokens) == sorted((*TOKENS, *FILLERS))


def test_a_small_vocabulary_is_an_output_as_a_whole():
    few = tokenizer_json(TOKENS[:60])
    vocabulary = WordPieceVocabulary(renumbered_wordpiece(few, iter(["red"])))
    assert vocabulary.output_vocab_size == vocabulary.vocab_size == 60


def test_the_marks_come_first(vocabulary):
    assert vocabulary.tokens[:5] == ("[PAD]", "[SEP]", "[CLS]", "[UNK]", "[MASK]")
    assert (vocabulary.pad_id, vocabulary.eos_id, vocabulary.unk_id) == (0, 1, 3)
    assert vocabulary.start_ids == (2,)
    assert vocabulary.encode(["\u0e01"]) == [[vocabulary.unk_id]]
    assert tokens_of(WIDE) == (*TOKENS, *FILLERS)


def test_decoding_joins_words_stops_at_eos_and_skips_padding(vocabulary):
    tokens = vocabulary.encode(["Red shoes | 1/2"])[0]
    row = np.array([0, *tokens, 1, 0, 7], np.int32)
    assert vocabulary.decode([row, [1], []]) == ["red shoes | 1 / 2", "", ""]
    with pytest.raises(ValueError, match="99999"):
        vocabulary.decode([[99999]])


def test_many_texts_are_encoded_in_their_order(vocabulary, monkeypatch):
    batch = [f"red {number}" for number in range(20)]
    whole = vocabulary.encode(batch)
    monkeypatch.setattr("gram_jax.text.wordpiece._TEXTS_AT_A_TIME", 3)
    assert vocabulary.encode(batch) == whole


def test_the_file_is_the_vocabulary(vocabulary):
    same = WordPieceVocabulary(vocabulary.model_bytes)
    assert same.digest == vocabulary.digest and same.tokens == vocabulary.tokens
    assert renumbered_wordpiece(WIDE, ["stainless steel sink", "red | shoes"]) == same.model_bytes
    other = WordPieceVocabulary(renumbered_wordpiece(WIDE, ["kitchen"]))
    assert other.digest != vocabulary.digest


def broken(change) -> str:
    fields = json.loads(PUBLISHED)
    change(fields)
    return json.dumps(fields)


@pytest.mark.parametrize("tokenizer", [
    "not json", "[]", broken(lambda f: f.pop("model")), broken(lambda f: f["model"]["vocab"].pop(
        "[CLS]")), broken(lambda f: f["model"].update(type="BPE")),
    broken(lambda f: f["model"]["vocab"].update(red=9999)),
    broken(lambda f: f.update(normalizer={"type": "Nothing"}))])
def test_another_tokenizer_is_refused(tokenizer):
    with pytest.raises(ArtifactError, match="tokenizer"):
        renumbered_wordpiece(tokenizer, ["red"])


def test_a_damaged_file_is_refused_by_its_name(vocabulary):
    for content in (vocabulary.model_bytes[:-300], b'{"kind": "gram_jax.wordpiece"}'):
        with pytest.raises(ArtifactError, match=r"here/v\.model: not a WordPiece"):
            WordPieceVocabulary(content, path="here/v.model")


def test_without_the_library_the_extra_is_named(vocabulary, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ConfigError, match=r"gram-jax\[pretrained\]"):
        WordPieceVocabulary(vocabulary.model_bytes)
