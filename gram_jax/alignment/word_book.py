"""The words of texts as numbers: spelled in character n-grams, and how rare each is in a catalogue.

Words are those of attribute values in normal form, so that '60"' and '60 inches', or a word and its
plural, are one. Every word of every script has n-grams; one that the catalogue lacks is as rare as
can be. Knows no network.
"""

import collections
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from gram_jax.attributes.normalize import value_words
from gram_jax.attributes.word_features import MAX_NGRAMS, ngram_hashes
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError

PADDING = 0
_MOST_WORDS = 1 << 17
_ROOM = 1024


class WordBook:
    """Numbers words as they are met, from 1; `PADDING` is no word.

    Args:
      num_ngrams: n-grams are hashed to 1 .. num_ngrams - 1.
      text_counts: word -> how many texts of the catalogue have it.
      num_texts: of the catalogue.
    """

    def __init__(self, num_ngrams: int, text_counts: Mapping[str, int], num_texts: int):
        self._num_ngrams = num_ngrams
        self._text_counts, self._num_texts = dict(text_counts), num_texts
        self._number: dict[str, int] = {}
        self._ngrams = np.zeros((_ROOM, MAX_NGRAMS), np.int32)
        self._rarities = np.zeros(_ROOM, np.float32)

    @classmethod
    def count(cls, texts: Iterable[str], num_ngrams: int) -> "WordBook":
        """Counts the words of a catalogue's texts; those of a single text are not kept."""
        counts: collections.Counter[str] = collections.Counter()
        num_texts = 0
        for text in texts:
            counts.update(set(value_words(text)))
            num_texts += 1
        kept = {word: count for word, count in counts.most_common(_MOST_WORDS) if count > 1}
        return cls(num_ngrams, kept, num_texts)

    @property
    def num_words(self) -> int:
        """Words met so far, and padding."""
        return len(self._number) + 1

    @property
    def ngrams(self) -> np.ndarray:
        """The n-grams of every word met, in rows: int32 [num_words, MAX_NGRAMS], 0 for none."""
        return self._ngrams[:self.num_words]

    @property
    def rarities(self) -> np.ndarray:
        """float32 [num_words]: ln((texts + 1) / (texts with it + 1)) / ln(texts + 1)."""
        return self._rarities[:self.num_words]

    def read(self, texts: Sequence[str], max_words: int) -> np.ndarray:
        """The words of each text.

        Args:
          texts: as typed.
          max_words: of a text; a longer one is cut.

        Returns:
          int32 [texts, max_words], padded with 0.
        """
        rows = np.zeros((len(texts), max_words), np.int32)
        for row, text in zip(rows, texts):
            numbers = [self._number_of(word) for word in value_words(text)[:max_words]]
            row[:len(numbers)] = numbers
        return rows

    def _number_of(self, word: str) -> int:
        number = self._number.get(word)
        if number is None:
            number = self._number[word] = len(self._number) + 1
            if number == len(self._ngrams):
                self._ngrams = np.concatenate([self._ngrams, np.zeros_like(self._ngrams)])
                self._rarities = np.concatenate([self._rarities, np.zeros_like(self._rarities)])
            hashes = ngram_hashes(word, self._num_ngrams)
            self._ngrams[number, :len(hashes)] = hashes
            self._rarities[number] = self._rarity(word)
        return number

    def _rarity(self, word: str) -> float:
        most = math.log(self._num_texts + 1)
        return 1.0 - math.log(self._text_counts.get(word, 0) + 1) / most if most else 1.0

    def save(self, path: str | os.PathLike) -> None:
        """Writes the counts; numbers are given anew after loading."""
        with atomic_file(path) as stream:
            json.dump({"num_ngrams": self._num_ngrams, "num_texts": self._num_texts,
                       "text_counts": self._text_counts}, stream, ensure_ascii=False)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "WordBook":
        """Reads what `save` wrote.

        Raises:
          ArtifactError: it is missing or damaged.
        """
        try:
            with open(path, encoding="utf-8") as stream:
                row = json.load(stream)
            return cls(row["num_ngrams"], row["text_counts"], row["num_texts"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"{path}: no readable counts of words ({error}): run the "
                                "relevance stage again") from error
