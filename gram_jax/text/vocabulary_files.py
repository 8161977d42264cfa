"""A vocabulary file of either kind: SentencePiece or WordPiece, told apart by how it starts."""

import os
from pathlib import Path

from gram_jax.core.errors import ArtifactError
from gram_jax.text import wordpiece
from gram_jax.text.vocabulary import SentencePieceVocabulary
from gram_jax.text.wordpiece import WordPieceVocabulary

StoredVocabulary = SentencePieceVocabulary | WordPieceVocabulary
"""A `core.protocols.Vocabulary` with `model_bytes`, which are its file, and their `digest`."""


def load_vocabulary(path: str | os.PathLike) -> StoredVocabulary:
    """Reads a vocabulary file.

    Raises:
      ArtifactError: missing or not usable.
      ConfigError: it is of WordPiece and the library `tokenizers` is not installed.
    """
    try:
        model_bytes = Path(path).read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot read the vocabulary ({error.strerror})") from error
    if model_bytes.startswith(wordpiece.MARK):
        return WordPieceVocabulary(model_bytes, path=path)
    return SentencePieceVocabulary(model_bytes, path=path)
