"""A vocabulary for the tests of this room."""

import pytest

from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary

TEXTS = [
    f"{color} {material} {kind} {size} in."
    for color in ("red", "blue", "matte black", "Ivory")
    for material in ("leather", "cotton", "stainless steel")
    for kind in ("running shoe", "kitchen sink", "door knob", "jacket")
    for size in (5, 12, 24)
]


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory) -> SentencePieceVocabulary:
    path = tmp_path_factory.mktemp("text") / "vocabulary.model"
    train_vocabulary(TEXTS, vocab_size=400, path=path)
    return SentencePieceVocabulary.load(path)
