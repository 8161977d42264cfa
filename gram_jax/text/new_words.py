"""A vocabulary's file with further words, each of one token of its own.

For names that are no language, such as semantic ids. To a SentencePiece file they are added behind
the ids that it has, which all stay; to the tokenizer of a BERT encoder before it is renumbered
(`text.wordpiece`), so that they take ids among those that a decoder generates. Knows nothing of
what the words name, nor of parameters that have a row for each id.
"""

import json
import struct
from collections.abc import Sequence

from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.text.normal_form import normalize_text
from gram_jax.text.vocabulary import SentencePieceVocabulary

_SPACE = "\u2581"
_USER_DEFINED = 4
_CHECKED_AT_ONCE = 4096


def sentencepiece_with_words(model_bytes: bytes, words: Sequence[str]) -> bytes:
    """The file of a SentencePiece vocabulary with a token for each word behind those it has.

    Word i is id `vocab_size + i`. What else the vocabulary spells, it spells as before.

    Args:
      model_bytes: of `text.vocabulary.SentencePieceVocabulary`, trained here or T5's.
      words: in their normal form, without space, each but once.

    Raises:
      ArtifactError: not a SentencePiece model.
      ConfigError: a word is not such a word, the vocabulary has it, or would not spell it in its
        own token.
    """
    _check_words(words)
    before = SentencePieceVocabulary(model_bytes)
    # A file is a protocol buffer, of which what is repeated may go on behind the rest.
    grown = model_bytes + b"".join(_piece(_SPACE + word) for word in words)
    try:
        after = SentencePieceVocabulary(grown)
    except ArtifactError as error:  # the library wants every token but once
        raise ConfigError(f"the vocabulary cannot be given these words ({error})") from error
    expected = [[before.vocab_size + number] for number in range(len(words))]
    for start in range(0, len(words), _CHECKED_AT_ONCE):
        part = slice(start, start + _CHECKED_AT_ONCE)
        for word, wanted, found in zip(words[part], expected[part], after.encode(words[part])):
            if found != wanted:
                raise ConfigError(f"the word {word!r} cannot be given a token of its own: the "
                                  f"vocabulary spells it as {found}")
    return grown


def tokenizer_with_words(tokenizer_json: str | bytes, words: Sequence[str]) -> str:
    """The tokenizer of a BERT encoder with further whole words, for `renumbered_wordpiece`.

    Args:
      tokenizer_json: a tokenizer of the library `tokenizers` with a WordPiece model.
      words: in their normal form, of ASCII letters and digits, since BERT cuts texts at all else.

    Raises:
      ConfigError: a word is not such a word, or the tokenizer has it.
    """
    _check_words(words)
    fields = json.loads(tokenizer_json)
    tokens: dict[str, int] = fields["model"]["vocab"]
    for word in words:
        if word in tokens or not (word.isascii() and word.isalnum()):
            raise ConfigError(f"{word!r} cannot be added to a WordPiece tokenizer: it has that "
                              "word, or would cut it")
    fields["model"]["vocab"] = tokens | {
        word: number for number, word in enumerate(words, start=len(tokens))}
    return json.dumps(fields, ensure_ascii=False)


def _check_words(words: Sequence[str]) -> None:
    if len(set(words)) != len(words):
        raise ConfigError("a word is to be added twice")
    for word in words:
        if not word or word.split() != [word] or normalize_text(word) != word:
            raise ConfigError(f"{word!r} is not one word in its normal form")


def _piece(text: str) -> bytes:
    """A `ModelProto.SentencePiece` as the next of the repeated field 1 of a `ModelProto`."""
    data = text.encode()
    message = b"".join([
        b"\x0a", _varint(len(data)), data,  # 1: piece
        b"\x15", struct.pack("<f", 0.0),  # 2: score, which pieces of this type do not use
        b"\x18", _varint(_USER_DEFINED)])  # 3: type
    return b"\x0a" + _varint(len(message)) + message


def _varint(number: int) -> bytes:
    parts = []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])
