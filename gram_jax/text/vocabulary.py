"""The SentencePiece vocabulary: text to token ids and back, and how one is trained.

Works without TensorFlow, so that search does not load it. Knows nothing of prompts or lengths.
"""

import functools
import hashlib
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import sentencepiece

from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError, ConfigError, InputError
from gram_jax.text.normal_form import normalize_text
from gram_jax.text.prompts import PRODUCT_PREFIX, QUERY_PREFIX

WHOLE_WORDS = (QUERY_PREFIX.strip(), PRODUCT_PREFIX.strip(), "|")
"""Words that a trained vocabulary spends exactly one token on."""

_SPACE = "\u2581"
_MAX_TRAINING_TEXTS = 2_000_000
_MAX_TEXT_BYTES = 65_536
# Part of the result: sums over threads are added in the order of the threads.
_NUM_THREADS = 2


class SentencePieceVocabulary:
    """A SentencePiece model as `core.protocols.Vocabulary`.

    Texts are brought to their normal form before they are tokenised. The model file may be one
    that `train_vocabulary` wrote or one of the T5 family with its own normaliser.

    Attributes:
      vocab_size: number of ids, padding and EOS among them.
      output_vocab_size: the same: every id may be of a code.
      start_ids: none, as T5 was pretrained.
      pad_id: always 0.
      eos_id: the id that ends a sequence.
      unk_id: the id of what cannot be spelled.

    Raises:
      ArtifactError: not a SentencePiece model, or one without EOS or with another padding id.
    """

    start_ids: tuple[int, ...] = ()

    def __init__(self, model_bytes: bytes, *, path: str | os.PathLike | None = None):
        name = path or "the vocabulary"
        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=model_bytes)
        except RuntimeError as error:
            raise ArtifactError(f"{name}: not a SentencePiece model ({error})") from error
        self.model_bytes = model_bytes
        self.vocab_size = self.output_vocab_size = self._processor.get_piece_size()
        self.pad_id = self._processor.pad_id()
        self.eos_id = self._processor.eos_id()
        self.unk_id = self._processor.unk_id()
        if self.pad_id != 0 or self.eos_id < 0:
            raise ArtifactError(
                f"{name}: padding is id {self.pad_id} and EOS id {self.eos_id}, but padding has "
                "to be 0 and EOS has to exist, as in every T5 vocabulary"
            )

    @classmethod
    def load(cls, path: str | os.PathLike) -> "SentencePieceVocabulary":
        """Reads a model file.

        Raises:
          ArtifactError: missing or not usable.
        """
        try:
            model_bytes = Path(path).read_bytes()
        except OSError as error:
            raise ArtifactError(f"{path}: cannot read the vocabulary ({error.strerror})") from error
        return cls(model_bytes, path=path)

    @functools.cached_property
    def digest(self) -> str:
        """Short name of the model file's exact content."""
        return hashlib.sha256(self.model_bytes).hexdigest()[:16]

    @functools.cached_property
    def pieces(self) -> list[str]:
        """The tokens by their ids, as SentencePiece writes them."""
        return [self._processor.id_to_piece(i) for i in range(self.vocab_size)]

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without EOS."""
        return self._processor.encode([normalize_text(text) for text in texts], out_type=int)

    def decode(self, token_ids: Sequence[Sequence[int]]) -> list[str]:
        """The text of each sequence; stops at EOS and skips padding.

        Raises:
          ValueError: an id is not in the vocabulary.
        """
        # The processor takes an empty list for one empty sequence.
        visible = [self._visible(ids) for ids in token_ids]
        return self._processor.decode(visible) if visible else []

    def _visible(self, token_ids: Sequence[int]) -> list[int]:
        ids = np.asarray(token_ids, np.int64).tolist()
        if self.eos_id in ids:
            ids = ids[: ids.index(self.eos_id)]
        for token in ids:
            if not 0 <= token < self.vocab_size:
                raise ValueError(f"token id {token} is outside a vocabulary of {self.vocab_size}")
        return [token for token in ids if token != self.pad_id]


def train_vocabulary(
    texts: Iterable[str],
    *,
    vocab_size: int,
    path: str | os.PathLike,
    seed: int = 0,
    whole_words: Sequence[str] = WHOLE_WORDS,
) -> None:
    """Trains a unigram vocabulary on `texts` and writes it to `path`.

    Padding is 0, EOS 1, unknown 2; there is no BOS. Characters too rare for a piece of their own
    are spelled in bytes, so that every text can be encoded and read back. The same texts in the
    same order give the same file. Texts that cannot fill `vocab_size` give a smaller vocabulary.

    Args:
      texts: what the vocabulary has to spell well: titles, queries and codes. Beyond 2 million, a
        sample.
      vocab_size: number of ids, the 256 bytes and the special ones included.
      path: the file to write.
      seed: of the sample.
      whole_words: words that get one token each wherever they stand, seen or not.

    Raises:
      InputError: there is no text.
      ConfigError: `vocab_size` is too small for the characters of the texts.
    """
    normal = [text for text in map(normalize_text, texts) if text]
    if not normal:
        raise InputError("there is no text to train a vocabulary on", remedy="check the catalogue")
    if len(normal) > _MAX_TRAINING_TEXTS:
        rng = np.random.default_rng(seed)
        chosen = rng.choice(len(normal), _MAX_TRAINING_TEXTS, replace=False)
        normal = [normal[i] for i in np.sort(chosen)]
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(normal),
            model_writer=model,
            model_type="unigram",
            vocab_size=vocab_size,
            hard_vocab_limit=False,
            pad_id=0,
            eos_id=1,
            unk_id=2,
            bos_id=-1,
            byte_fallback=True,
            character_coverage=0.9999,
            # Texts arrive in their normal form; a second one here could only disagree with it.
            normalization_rule_name="identity",
            user_defined_symbols=[_SPACE + word for word in whole_words],
            max_sentence_length=_MAX_TEXT_BYTES,
            num_threads=_NUM_THREADS,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise ConfigError(
            f"no vocabulary of {vocab_size} tokens can be trained on these texts "
            f"({str(error).rsplit('] ', 1)[-1].strip()})"
        ) from error
    with atomic_file(path, "wb") as stream:
        stream.write(model.getvalue())
