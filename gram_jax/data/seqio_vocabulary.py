"""Our SentencePiece file as a SeqIO vocabulary, in Python and in the TensorFlow graph.

Both sides give the same ids for a text in its normal form. The Python side brings a text to that
form itself; the graph cannot, so sources normalise what they emit (`data.sources` does).
"""

import functools
import os
from collections.abc import Callable, Sequence

import seqio
import tensorflow as tf
import tensorflow_text as tf_text

from gram_jax.text.vocabulary import SentencePieceVocabulary


class SentencePieceFileVocabulary(seqio.Vocabulary):
    """A SeqIO vocabulary over a model file that is found when it is first needed.

    Tasks are registered when their module is imported, long before it is known which vocabulary a
    run uses; so a task holds `find_file`, not the file.

    Args:
      find_file: returns the path of the model file; asked again on each use.
    """

    def __init__(self, find_file: Callable[[], str | os.PathLike]):
        super().__init__()
        self._find_file = find_file

    @property
    def vocabulary(self) -> SentencePieceVocabulary:
        """The vocabulary as the rest of the project knows it.

        Raises:
          ArtifactError: the file is missing or not a vocabulary.
        """
        return _load(*_identity(self._find_file()))

    @property
    def eos_id(self) -> int:
        """The id that ends a sequence."""
        return self.vocabulary.eos_id

    @property
    def unk_id(self) -> int:
        """The id of what cannot be spelled."""
        return self.vocabulary.unk_id

    @property
    def _base_vocab_size(self) -> int:
        return self.vocabulary.vocab_size

    def _encode(self, s: str) -> Sequence[int]:
        return self.vocabulary.encode([s])[0]

    def _decode(self, ids: Sequence[int]) -> str:
        return self.vocabulary.decode([ids])[0]

    # Finding the file is Python's business while a graph is traced, nothing to be made a graph of.
    @tf.autograph.experimental.do_not_convert
    def _encode_tf(self, s: tf.Tensor) -> tf.Tensor:
        return _load_tokenizer(*_identity(self._find_file())).tokenize(s)

    @tf.autograph.experimental.do_not_convert
    def _decode_tf(self, ids: tf.Tensor) -> tf.Tensor:
        return _load_tokenizer(*_identity(self._find_file())).detokenize(ids)

    def __eq__(self, other):
        return (
            isinstance(other, SentencePieceFileVocabulary) and self._find_file == other._find_file
        )

    def __hash__(self):
        return hash(self._find_file)


def _identity(path: str | os.PathLike) -> tuple[str, int, int]:
    """What tells one state of a file from another; a missing file is left to the loader."""
    if not os.path.exists(path):
        return os.fspath(path), 0, 0
    stat = os.stat(path)
    return os.fspath(path), stat.st_mtime_ns, stat.st_size


@functools.lru_cache(maxsize=4)
def _load(path: str, mtime_ns: int, size: int) -> SentencePieceVocabulary:
    return SentencePieceVocabulary.load(path)


@functools.lru_cache(maxsize=4)
def _load_tokenizer(path: str, mtime_ns: int, size: int) -> tf_text.SentencepieceTokenizer:
    # Lifted out of the graph being traced, because other graphs will use it as well.
    with tf.init_scope():
        return tf_text.SentencepieceTokenizer(model=_load(path, mtime_ns, size).model_bytes)
