"""Python, the TensorFlow graph and the search side spell every text alike."""

import io
import pickle

import pytest
import sentencepiece
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.core.errors import ArtifactError
from gram_jax.data.seqio_vocabulary import FileVocabulary
from gram_jax.testing.tiny_bert import TOKENS, tokenizer_json
from gram_jax.text.normal_form import normalize_text
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary
from gram_jax.text.wordpiece import renumbered_wordpiece

text_lists = st.lists(st.text(max_size=30), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def t5_path(tmp_path_factory):
    """A vocabulary like T5's: its own normaliser and no bytes for unknown characters."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["red running shoe", "blue kitchen sink 5 in."] * 4),
        model_writer=model, vocab_size=60, hard_vocab_limit=False, minloglevel=2,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, normalization_rule_name="nmt_nfkc")
    path = tmp_path_factory.mktemp("t5") / "spiece.model"
    path.write_bytes(model.getvalue())
    return path


def assert_sides_agree(seqio_vocabulary, texts):
    normal = [normalize_text(text) for text in texts]
    expected = seqio_vocabulary.vocabulary.encode(texts)
    assert [seqio_vocabulary.encode(text) for text in texts] == expected
    assert seqio_vocabulary.encode_tf(tf.constant(normal)).to_list() == expected
    assert seqio_vocabulary.encode_tf(tf.constant(normal[0])).numpy().tolist() == expected[0]


@given(text_lists)
def test_sides_agree_on_any_text(seqio_vocabulary, texts):
    assert_sides_agree(seqio_vocabulary, texts)


@given(text_lists)
def test_sides_agree_with_a_t5_file(t5_path, texts):
    assert_sides_agree(FileVocabulary(lambda: t5_path), texts)


@pytest.fixture(scope="module")
def wordpiece(tmp_path_factory) -> FileVocabulary:
    pytest.importorskip("tokenizers", reason="needs the extra 'pretrained'")
    path = tmp_path_factory.mktemp("wordpiece") / "vocabulary.model"
    path.write_bytes(renumbered_wordpiece(tokenizer_json(TOKENS), ["red shoe"]))
    return FileVocabulary(lambda: path)


@given(text_lists)
def test_sides_agree_with_a_wordpiece_file(wordpiece, texts):
    assert_sides_agree(wordpiece, texts)


def test_a_wordpiece_file_has_its_marks(wordpiece):
    assert wordpiece.start_ids == (2,)
    assert (wordpiece.pad_id, wordpiece.eos_id, wordpiece.unk_id) == (0, 1, 3)
    tokens = wordpiece.encode("red shoes")
    assert wordpiece.decode([*tokens, 1]) == "red shoes"
    assert wordpiece.decode_tf(tf.constant([*tokens, 1, 0], tf.int32)).numpy() == b"red shoes"
    assert wordpiece.encode_tf(tf.constant([], tf.string)).to_list() == []


@given(st.text(max_size=30))
def test_decoding_gives_the_normal_form_back(seqio_vocabulary, text):
    token_ids = seqio_vocabulary.encode(text)
    assert seqio_vocabulary.decode([*token_ids, 1, 0, 7]) == normalize_text(text)
    decoded = seqio_vocabulary.decode_tf(tf.constant([*token_ids, 1], tf.int32))
    assert decoded.numpy().decode() == normalize_text(text)


def test_sizes_and_ids_are_the_file_s(seqio_vocabulary, vocabulary):
    assert seqio_vocabulary.vocab_size == vocabulary.vocab_size
    assert (seqio_vocabulary.pad_id, seqio_vocabulary.eos_id, seqio_vocabulary.unk_id) == (0, 1, 2)


def test_the_file_is_found_when_it_is_needed(tmp_path):
    path = tmp_path / "later.model"
    lazy = FileVocabulary(lambda: path)
    with pytest.raises(ArtifactError, match=r"later\.model"):
        lazy.encode("red")
    sizes = []
    for texts in (["red shoe"], ["a wholly different set of words"]):
        train_vocabulary(texts, vocab_size=400, path=path)
        sizes.append(SentencePieceVocabulary.load(path).vocab_size)
        assert lazy.vocab_size == sizes[-1]
        assert lazy.encode_tf("red shoe").numpy().tolist() == lazy.encode("red shoe")
    assert sizes[0] != sizes[1]


def find_nothing():
    raise AssertionError("must not be asked")


def test_comparing_does_not_read_the_file():
    one, same = FileVocabulary(find_nothing), FileVocabulary(find_nothing)
    assert one == same and hash(one) == hash(same)
    assert one != FileVocabulary(lambda: "other")
    assert pickle.loads(pickle.dumps(one)) == one
