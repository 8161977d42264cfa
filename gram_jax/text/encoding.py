"""Texts and codes as the padded token arrays that a model reads.

The one place that says how long a source may be, what it starts with and where its EOS goes outside
of the training pipeline, whose result for the same text is the same. Knows nothing of TensorFlow.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gram_jax.core.errors import ConfigError
from gram_jax.text.prompts import PROMPTS

if TYPE_CHECKING:  # The module of protocols imports jax.
    from gram_jax.core.protocols import Vocabulary


def encode_inputs(vocabulary: "Vocabulary", texts: Sequence[str], max_length: int) -> np.ndarray:
    """Sources with what they start with and EOS, cut where they do not fit and padded with 0.

    Args:
      vocabulary: what spells the texts.
      texts: what the model reads, prompt included (`text.prompts.query_input`).
      max_length: of a row, the vocabulary's start ids and EOS included.

    Returns:
      int32 [texts, max_length].

    Raises:
      ValueError: there is no room for the start ids and EOS.
    """
    start = vocabulary.start_ids
    room = max_length - len(start) - 1
    if room < 0:
        raise ValueError(f"max_length is {max_length}, which leaves no room for EOS")
    rows = [[*start, *ids[:room]] for ids in vocabulary.encode(texts)]
    return with_eos(rows, vocabulary.eos_id, max_length)


def encode_prompted(
    vocabulary: "Vocabulary", inputs: Sequence[str], max_length: int
) -> np.ndarray:
    """Sources as `encode_inputs` has them, but padding alone where no text is behind the prompt.

    Beam search knows a row of padding as nothing to search for.
    """
    rows = encode_inputs(vocabulary, inputs, max_length)
    rows[np.fromiter((text in PROMPTS for text in inputs), bool, len(inputs))] = 0
    return rows


def encode_codes(
    vocabulary: "Vocabulary", codes: Sequence[str], max_length: int | None = None
) -> np.ndarray:
    """Codes with EOS, padded with 0 and never cut.

    Args:
      vocabulary: what spells the codes.
      codes: texts of codes.
      max_length: of a row, EOS included; None takes what the longest code needs.

    Returns:
      int32 [codes, max_length].

    Raises:
      ConfigError: a code does not fit, which is named.
    """
    rows = vocabulary.encode(codes)
    length = max_length or max(map(len, rows), default=0) + 1
    for code, ids in zip(codes, rows):
        if len(ids) + 1 > length:
            raise code_too_long(code, len(ids) + 1, length)
    return with_eos(rows, vocabulary.eos_id, length)


def code_too_long(code: str, num_tokens: int, max_length: int) -> ConfigError:
    """The error for a code of `num_tokens`, EOS included, where `max_length` fit."""
    return ConfigError(
        f"the code {code!r} needs {num_tokens} tokens with its EOS, but targets hold {max_length}: "
        "bind a longer target length, or mine codes of fewer or shorter values"
    )


def without_padding(tokens: np.ndarray) -> np.ndarray:
    """Rows of tokens without the columns that are padding in all of them; one column at least.

    Args:
      tokens: int32 [texts, length], 0 after the tokens of each.
    """
    return tokens[:, :max(1, int((tokens > 0).sum(axis=1).max(initial=1)))]


def with_eos(rows: Sequence[Sequence[int]], eos_id: int, length: int) -> np.ndarray:
    """Token rows with EOS behind each and 0 after that: int32 [rows, length].

    Raises:
      ValueError: a row does not fit.
    """
    if max(map(len, rows), default=0) >= length:
        raise ValueError(f"a row of {max(map(len, rows))} tokens and EOS does not fit {length}")
    tokens = np.zeros((len(rows), length), np.int32)
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    tokens[np.arange(length) < lengths[:, None]] = [token for row in rows for token in row]
    tokens[np.arange(len(rows)), lengths] = eos_id
    return tokens
