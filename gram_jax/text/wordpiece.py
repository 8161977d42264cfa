"""The WordPiece vocabulary of a pretrained BERT encoder, renumbered for generating codes.

A decoder's logits cost as much as they have columns, and codes are spelled in a few thousand of
BERT's 30 thousand tokens. So these come first: 0 is padding, 1 is EOS ([SEP], which ends a text as
BERT read it), then the other special tokens, then the tokens that codes are spelled in, then the
rest. Needs the library `tokenizers` (extra 'pretrained'). Knows nothing of the encoder's weights.
"""

import functools
import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.text.normal_form import normalize_text

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MARK = b'{"kind": "gram_jax.wordpiece"'
"""What the bytes of a vocabulary of this kind start with."""

_SPECIAL_TOKENS = ("[PAD]", "[SEP]", "[CLS]", "[UNK]", "[MASK]")
_CONTINUES = "##"
# Whole lanes of a vector unit, and a number that most meshes divide.
_OUTPUT_MULTIPLE = 128
_TEXTS_AT_A_TIME = 8192


class WordPieceVocabulary:
    """A renumbered WordPiece model as `core.protocols.Vocabulary`.

    Texts are brought to their normal form before they are tokenised, and then to BERT's own, which
    has no accents and puts space around punctuation: decoding gives back that one.

    Attributes:
      model_bytes: the file's content.
      tokens: the token of every id; those that continue a word start with '##'.
      vocab_size: number of ids, padding and EOS among them.
      output_vocab_size: ids that codes are spelled in are below it.
      pad_id: always 0.
      eos_id: always 1, [SEP].
      unk_id: the id of a word that cannot be spelled.
      start_ids: [CLS].

    Raises:
      ArtifactError: not what `renumbered_wordpiece` wrote.
      ConfigError: the library `tokenizers` is not installed.
    """

    pad_id, eos_id, unk_id = 0, 1, _SPECIAL_TOKENS.index("[UNK]")
    start_ids: tuple[int, ...] = (_SPECIAL_TOKENS.index("[CLS]"),)

    def __init__(self, model_bytes: bytes, *, path: str | os.PathLike | None = None):
        try:
            fields = json.loads(model_bytes)
            self._tokenizer = _tokenizer(fields["tokenizer"])
            numbers = fields["tokenizer"]["model"]["vocab"]
            self.tokens = tuple(sorted(numbers, key=numbers.get))
            self.output_vocab_size = int(fields["output_vocab_size"])
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"{path or 'the vocabulary'}: not a WordPiece vocabulary of this "
                                f"project, or it is damaged ({error!r})") from error
        self.model_bytes = model_bytes
        self.vocab_size = len(self.tokens)

    @functools.cached_property
    def digest(self) -> str:
        """Short name of the file's exact content."""
        return hashlib.sha256(self.model_bytes).hexdigest()[:16]

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without [CLS] and EOS."""
        return list(_encode(self._tokenizer, texts))

    def decode(self, token_ids: Sequence[Sequence[int]]) -> list[str]:
        """The words of each sequence with a space between them; stops at EOS and skips padding.

        Raises:
          ValueError: an id is not in the vocabulary.
        """
        return [self._decode(np.asarray(ids, np.int64).tolist()) for ids in token_ids]

    def _decode(self, ids: list[int]) -> str:
        visible = itertools.takewhile(lambda token: token != self.eos_id, ids)
        text = ""
        for token in visible:
            if not 0 <= token < self.vocab_size:
                raise ValueError(f"token id {token} is outside a vocabulary of {self.vocab_size}")
            if token == self.pad_id:
                continue
            piece = self.tokens[token]
            if text and piece.startswith(_CONTINUES):
                text += piece.removeprefix(_CONTINUES)
            else:
                text += f" {piece}" if text else piece
        return text


def renumbered_wordpiece(tokenizer_json: str | bytes, outputs: Iterable[str]) -> bytes:
    """The file of a vocabulary whose first ids spell what a decoder is to generate.

    Args:
      tokenizer_json: a tokenizer of the library `tokenizers` with a WordPiece model and BERT's
        special tokens.
      outputs: the texts to be generated, such as all codes of a catalogue.

    Returns:
      What `WordPieceVocabulary` is made from. Its `output_vocab_size` is a multiple of 128, or all
      there are.

    Raises:
      ArtifactError: the tokenizer is of another kind.
      ConfigError: the library `tokenizers` is not installed.
    """
    fields = _bare(tokenizer_json)
    numbers: dict[str, int] = fields["model"]["vocab"]
    tokens = sorted(numbers, key=numbers.get)
    generated = set(itertools.chain.from_iterable(_encode(_tokenizer(fields), outputs)))
    chosen = [tokens[number] for number in sorted(generated)]
    order = list(dict.fromkeys([*_SPECIAL_TOKENS, *chosen, *tokens]))
    num_first = len(dict.fromkeys([*_SPECIAL_TOKENS, *chosen]))
    output_vocab_size = min(-(-num_first // _OUTPUT_MULTIPLE) * _OUTPUT_MULTIPLE, len(order))
    fields["model"]["vocab"] = {token: number for number, token in enumerate(order)}
    written = MARK.decode() + f', "output_vocab_size": {output_vocab_size}, "tokenizer": '
    return f"{written}{json.dumps(fields, ensure_ascii=False)}}}\n".encode()


def tokens_of(tokenizer_json: str | bytes) -> tuple[str, ...]:
    """The token of every id of a tokenizer as it was published.

    Raises:
      ArtifactError: as of `renumbered_wordpiece`.
    """
    numbers = _bare(tokenizer_json)["model"]["vocab"]
    return tuple(sorted(numbers, key=numbers.get))


def _bare(tokenizer_json: str | bytes) -> dict[str, Any]:
    """The tokenizer's fields without lengths, special marks in texts and what is put around them.
    """
    try:
        fields = json.loads(tokenizer_json)
        model = fields["model"]
        missing = [token for token in _SPECIAL_TOKENS if token not in model["vocab"]]
        odd = sorted(model["vocab"].values()) != list(range(len(model["vocab"])))
        if model["type"] != "WordPiece" or missing or odd:
            raise ValueError(f"a model of type {model['type']}, without {missing}, "
                             f"{'with' if odd else 'without'} gaps between its ids")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"this is not the tokenizer of a BERT encoder ({error!r})") from error
    return fields | {"truncation": None, "padding": None, "added_tokens": [],
                     "post_processor": None}


def _tokenizer(fields: dict[str, Any]) -> "Tokenizer":
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise ConfigError("a WordPiece vocabulary needs the library 'tokenizers': "
                          "pip install 'gram-jax[pretrained]'") from None
    try:
        return Tokenizer.from_str(json.dumps(fields))
    except Exception as error:  # the library has no narrower class
        raise ArtifactError(f"the library 'tokenizers' cannot read this tokenizer ({error})"
                            ) from error


def _encode(tokenizer: "Tokenizer", texts: Iterable[str]) -> Iterator[list[int]]:
    """In blocks: what the library returns for a text is many times as large as its ids."""
    normal = map(normalize_text, texts)
    while block := list(itertools.islice(normal, _TEXTS_AT_A_TIME)):
        for found in tokenizer.encode_batch_fast(block, add_special_tokens=False):
            yield found.ids
