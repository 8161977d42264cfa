"""Texts and codes as padded rows of token ids. Knows a vocabulary, nothing of models."""

from collections.abc import Sequence

import numpy as np

from gram_jax.core.protocols import Vocabulary


def pad_rows(rows: Sequence[Sequence[int]], length: int) -> np.ndarray:
    """The rows as int32 [rows, length], 0 after each row's end.

    Raises:
      ValueError: a row is longer than `length`.
    """
    padded = np.zeros((len(rows), length), np.int32)
    for place, row in enumerate(rows):
        if len(row) > length:
            raise ValueError(f"row {place} has {len(row)} tokens; {length} fit")
        padded[place, :len(row)] = row
    return padded


def text_rows(vocabulary: Vocabulary, texts: Sequence[str], length: int) -> np.ndarray:
    """What the encoder reads: each text's first tokens and EOS, int32 [texts, length]."""
    rows = vocabulary.encode(texts)
    return pad_rows([row[:length - 1] + [vocabulary.eos_id] for row in rows], length)
