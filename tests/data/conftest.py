"""A vocabulary for the tests of this room, in its two dresses."""

import pytest

from gram_jax.data.seqio_vocabulary import FileVocabulary
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary

TEXTS = [f"{color} {material} {kind} {size} in." for color in ("red", "blue", "matte black")
         for material in ("leather", "cotton", "stainless steel")
         for kind in ("running shoe", "kitchen sink", "door knob") for size in (5, 12)]


@pytest.fixture(scope="session")
def vocabulary_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "vocabulary.model"
    train_vocabulary(TEXTS, vocab_size=400, path=path)
    return path


@pytest.fixture(scope="session")
def vocabulary(vocabulary_path) -> SentencePieceVocabulary:
    return SentencePieceVocabulary.load(vocabulary_path)


@pytest.fixture(scope="session")
def seqio_vocabulary(vocabulary_path) -> FileVocabulary:
    return FileVocabulary(lambda: vocabulary_path)
