"""A file is read as what it is."""

import pytest

from gram_jax.core.errors import ArtifactError
from gram_jax.text.vocabulary import SentencePieceVocabulary
from gram_jax.text.vocabulary_files import load_vocabulary


def test_a_sentencepiece_file_is_one(vocabulary, tmp_path):
    path = tmp_path / "vocabulary.model"
    path.write_bytes(vocabulary.model_bytes)
    found = load_vocabulary(path)
    assert isinstance(found, SentencePieceVocabulary) and found.digest == vocabulary.digest
    assert found.output_vocab_size == found.vocab_size and found.start_ids == ()


def test_a_wordpiece_file_is_one(tmp_path):
    pytest.importorskip("tokenizers", reason="needs the extra 'pretrained'")
    from gram_jax.testing.tiny_bert import TOKENS, tokenizer_json
    from gram_jax.text.wordpiece import WordPieceVocabulary, renumbered_wordpiece

    path = tmp_path / "vocabulary.model"
    path.write_bytes(renumbered_wordpiece(tokenizer_json(TOKENS), ["red"]))
    found = load_vocabulary(path)
    assert isinstance(found, WordPieceVocabulary) and found.model_bytes == path.read_bytes()


def test_what_is_neither_is_refused_by_its_name(tmp_path):
    with pytest.raises(ArtifactError, match=r"nowhere.*cannot read"):
        load_vocabulary(tmp_path / "nowhere")
    (tmp_path / "broken").write_bytes(b"not a model")
    with pytest.raises(ArtifactError, match=r"broken.*not a SentencePiece model"):
        load_vocabulary(tmp_path / "broken")
