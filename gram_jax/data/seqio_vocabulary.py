"""Our vocabulary file as a SeqIO vocabulary, in Python and in the TensorFlow graph.

Both sides give the same ids for a text in its normal form. The Python side brings a text to that
form itself; the graph of a SentencePiece file cannot, so sources normalise what they emit
(`data.sources` does). WordPiece is Python's business in the graph too, a block of texts at a time:
TensorFlow's own WordPiece disagrees with the encoders' about some characters.
"""

import functools
import os
from collections.abc import Callable, Sequence

import numpy as np
import seqio
import tensorflow as tf
import tensorflow_text as tf_text

from gram_jax.text.vocabulary import SentencePieceVocabulary
from gram_jax.text.vocabulary_files import StoredVocabulary, load_vocabulary
from gram_jax.text.wordpiece import WordPieceVocabulary


class FileVocabulary(seqio.Vocabulary):
    """A SeqIO vocabulary over a file of either kind that is found when it is first needed.

    Tasks are registered when their module is imported, long before it is known which vocabulary a
    run uses; so a task holds `find_file`, not the file.

    Args:
      find_file: returns the path of the file; asked again on each use.
    """

    def __init__(self, find_file: Callable[[], str | os.PathLike]):
        super().__init__()
        self._find_file = find_file

    @property
    def vocabulary(self) -> StoredVocabulary:
        """The vocabulary as the rest of the project knows it.

        Raises:
          ArtifactError: the file is missing or not a vocabulary.
        """
        return _load(*_identity(self._find_file()))

    @property
    def start_ids(self) -> tuple[int, ...]:
        """The ids that lead what a model reads."""
        return self.vocabulary.start_ids

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
        return isinstance(other, FileVocabulary) and self._find_file == other._find_file

    def __hash__(self):
        return hash(self._find_file)


class _WordPieceTokenizer:
    """What of `tf_text.SentencepieceTokenizer` is used here, for a WordPiece vocabulary."""

    def __init__(self, vocabulary: WordPieceVocabulary):
        self._vocabulary = vocabulary

    def tokenize(self, texts: tf.Tensor) -> tf.Tensor | tf.RaggedTensor:
        """String [] -> int32 [length]; string [texts] -> ragged int32 [texts, length]."""
        flat = tf.reshape(texts, [-1])
        ids, sizes = (tf.ensure_shape(array, [None]) for array in tf.numpy_function(
            self._encode, [flat], [tf.int32, tf.int64]))
        return ids if texts.shape.rank == 0 else tf.RaggedTensor.from_row_lengths(ids, sizes)

    def detokenize(self, ids: tf.Tensor) -> tf.Tensor:
        """int32 [length] -> string []."""
        return tf.ensure_shape(tf.numpy_function(self._decode, [ids], tf.string), [])

    def _encode(self, texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = self._vocabulary.encode([text.decode() for text in texts])
        ids = np.fromiter((token for row in rows for token in row), np.int32)
        return ids, np.array([len(row) for row in rows], np.int64)

    def _decode(self, ids: np.ndarray) -> bytes:
        return self._vocabulary.decode([ids])[0].encode()


def _identity(path: str | os.PathLike) -> tuple[str, int, int]:
    """What tells one state of a file from another; a missing file is left to the loader."""
    if not os.path.exists(path):
        return os.fspath(path), 0, 0
    stat = os.stat(path)
    return os.fspath(path), stat.st_mtime_ns, stat.st_size


@functools.lru_cache(maxsize=4)
def _load(path: str, mtime_ns: int, size: int) -> StoredVocabulary:
    return load_vocabulary(path)


@functools.lru_cache(maxsize=4)
def _load_tokenizer(
    path: str, mtime_ns: int, size: int
) -> tf_text.SentencepieceTokenizer | _WordPieceTokenizer:
    vocabulary = _load(path, mtime_ns, size)
    if not isinstance(vocabulary, SentencePieceVocabulary):
        return _WordPieceTokenizer(vocabulary)
    # Lifted out of the graph being traced, because other graphs will use it as well.
    with tf.init_scope():
        return tf_text.SentencepieceTokenizer(model=vocabulary.model_bytes)
