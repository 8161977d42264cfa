"""Every text can be encoded, comes back as its normal form, and alike only to itself."""

import io

import numpy as np
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.core.errors import ArtifactError, ConfigError, InputError
from gram_jax.text import vocabulary as vocabulary_module
from gram_jax.text.normal_form import normalize_text
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary

TEXTS = ["red running shoe", "blue kitchen sink", "matte black door knob 5 in."] * 4


def model_of(texts, **options) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, hard_vocab_limit=False,
        minloglevel=2, **options,
    )
    return model.getvalue()


@given(st.lists(st.text(max_size=30), max_size=4))
def test_decoding_gives_the_normal_form_back(vocabulary, texts):
    token_ids = vocabulary.encode(texts)
    assert vocabulary.decode(token_ids) == [normalize_text(text) for text in texts]
    assert all(2 < token < vocabulary.vocab_size for row in token_ids for token in row)


@given(st.text(max_size=30), st.integers(0, 4))
def test_decoding_stops_at_eos_and_skips_padding(vocabulary, text, num_pads):
    tokens = vocabulary.encode([text])[0]
    row = np.array([*tokens, vocabulary.eos_id, *[0] * num_pads, 7], np.int32)
    assert vocabulary.decode([row]) == [normalize_text(text)]


def test_special_ids_are_those_of_t5(vocabulary):
    assert (vocabulary.pad_id, vocabulary.eos_id, vocabulary.unk_id) == (0, 1, 2)


def test_prompts_and_separator_cost_one_token_each(vocabulary):
    plain = vocabulary.encode(["red shoe"])[0]
    for prefix in ("query: ", "product: ", "| "):
        assert vocabulary.encode([prefix + "red shoe"])[0][1:] == plain


def test_an_id_outside_is_named(vocabulary):
    with pytest.raises(ValueError, match="99999"):
        vocabulary.decode([[99999]])


def test_same_texts_give_the_same_file(tmp_path):
    for name in ("first", "second"):
        train_vocabulary(iter(TEXTS), vocab_size=300, path=tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_digest_names_the_content(tmp_path, vocabulary):
    train_vocabulary(TEXTS, vocab_size=300, path=tmp_path / "other")
    same = SentencePieceVocabulary(vocabulary.model_bytes)
    assert same.digest == vocabulary.digest != SentencePieceVocabulary.load(
        tmp_path / "other").digest


@pytest.mark.parametrize("texts", [["a"], ["red shoe", ""], TEXTS])
def test_few_texts_give_a_smaller_vocabulary(tmp_path, texts):
    train_vocabulary(texts, vocab_size=5000, path=tmp_path / "small")
    small = SentencePieceVocabulary.load(tmp_path / "small")
    assert 256 < small.vocab_size < 5000
    assert small.decode(small.encode(["Zürich ☃ | 12"])) == ["zürich ☃ | 12"]


def test_many_texts_are_sampled_by_seed(tmp_path, monkeypatch):
    monkeypatch.setattr(vocabulary_module, "_MAX_TRAINING_TEXTS", 5)
    texts = [f"{word} shoe" for word in ("alpha", "beta", "gamma", "delta", "zeta", "eta") * 3]
    for name, seed in [("a", 0), ("b", 0), ("c", 1)]:
        train_vocabulary(texts, vocab_size=300, path=tmp_path / name, seed=seed)
    files = {name: (tmp_path / name).read_bytes() for name in "abc"}
    assert files["a"] == files["b"] != files["c"]


def test_no_text_is_refused_and_nothing_written(tmp_path):
    with pytest.raises(InputError, match="no text"):
        train_vocabulary(["", " \n"], vocab_size=300, path=tmp_path / "none")
    assert not list(tmp_path.iterdir())


def test_too_small_a_vocabulary_is_refused_with_the_size_it_needs(tmp_path):
    with pytest.raises(ConfigError, match=r"100 tokens.*smaller than required_chars"):
        train_vocabulary(TEXTS, vocab_size=100, path=tmp_path / "none")


def test_a_t5_file_with_its_own_normaliser_works():
    model = model_of(TEXTS, vocab_size=60, pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
                     normalization_rule_name="nmt_nfkc")
    t5 = SentencePieceVocabulary(model)
    assert t5.decode(t5.encode(["  RED \uff52\uff55nning shoe"])) == ["red running shoe"]
    assert t5.unk_id in t5.encode(["☃"])[0]


def test_what_is_not_a_usable_vocabulary_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match=r"nowhere.*cannot read"):
        SentencePieceVocabulary.load(tmp_path / "nowhere")
    (tmp_path / "broken").write_bytes(b"not a model")
    with pytest.raises(ArtifactError, match=r"broken.*not a SentencePiece model"):
        SentencePieceVocabulary.load(tmp_path / "broken")
    with pytest.raises(ArtifactError, match="padding"):
        SentencePieceVocabulary(model_of(TEXTS, vocab_size=60))  # pad_id is -1
