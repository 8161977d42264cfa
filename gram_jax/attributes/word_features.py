"""Words as numbers a network can sum: hashed character n-grams, and marks of shape and spacing.

What is true of a word wherever it stands is computed once for each distinct word and looked up
after that. Knows no network; needs no vocabulary, so every word of every script has features.
"""

import dataclasses
import zlib
from collections.abc import Sequence

import numpy as np

from gram_jax.attributes.annotations import AnnotatedText
from gram_jax.attributes.known_values import KnownValues, folded_words
from gram_jax.text.word_places import word_places

MAX_NGRAMS = 24
_MAX_CHARS = 24
_SHAPES = ("lower", "title", "upper", "mixed", "caseless", "digits", "number", "punctuation")
_LENGTHS = 6
_SPACINGS = 4
_PLACES = 3
_NUM_SHAPE_MARKS = 1 + len(_SHAPES) + _LENGTHS + _SPACINGS + _PLACES


@dataclasses.dataclass(frozen=True)
class TextWords:
    """The words of a text: places in it, and the number of each in its `WordFeatures`."""

    text: str
    places: tuple[tuple[int, int], ...]
    words: np.ndarray  # int32 [words]
    spacing: np.ndarray  # int32 [words], bit 0: a space before it, bit 1: a space behind it
    known: np.ndarray  # int32 [words, 2], `KnownValues.marks`

    def part(self, start: int, end: int) -> "TextWords":
        """The words from `start` to before `end`, as a text of their own."""
        return TextWords(self.text, self.places[start:end], self.words[start:end],
                         self.spacing[start:end], self.known[start:end])


class WordFeatures:
    """The features of words, kept for every distinct word met.

    Args:
      num_ngrams: n-grams are hashed to 1 .. num_ngrams - 1.
      known: the values known beforehand.
    """

    def __init__(self, num_ngrams: int, known: KnownValues):
        self.known = known
        self._num_ngrams = num_ngrams
        self._number: dict[str, int] = {}
        self._ngrams = np.zeros((1024, MAX_NGRAMS), np.int32)
        self._marks = np.zeros((1024, 2), np.int32)

    @property
    def num_marks(self) -> int:
        """Rows of a table of marks, 0 included."""
        return _NUM_SHAPE_MARKS + self.known.num_marks

    def read(self, text: str, *, own: AnnotatedText | None = None) -> TextWords:
        """Finds the words of a text and numbers them.

        Args:
          text: as typed.
          own: its annotation, where it is among those that the known values were counted in.
        """
        places = tuple(word_places(text))
        words = np.fromiter((self._number_of(text[start:end]) for start, end in places), np.int32,
                            len(places))
        bounds = np.array(places, np.int64).reshape(-1, 2)
        gap = np.ones(len(places) + 1, bool)
        gap[1:-1] = bounds[1:, 0] > bounds[:-1, 1]
        return TextWords(text, places, words, gap[:-1] + 2 * gap[1:].astype(np.int32),
                         self.known.marks(folded_words(text, places), own))

    def padded(self, rows: Sequence[TextWords], length: int) -> tuple[np.ndarray, ...]:
        """The features of texts of at most `length` words.

        Returns:
          int32 [texts, length, MAX_NGRAMS] n-grams, int32 [texts, length, 6] marks, int32 [texts]
          lengths; 0 where there is none.
        """
        lengths = np.array([len(row.words) for row in rows], np.int32)
        inside = np.arange(length) < lengths[:, None]
        words = np.zeros(inside.shape, np.int32)
        spacing = np.zeros(inside.shape, np.int32)
        words[inside] = np.concatenate([row.words for row in rows])
        spacing[inside] = np.concatenate([row.spacing for row in rows])
        known = np.zeros((*inside.shape, 2), np.int32)
        known[inside] = np.concatenate([row.known for row in rows])
        ngrams = self._ngrams[words] * inside[..., None]
        at = np.arange(length)
        place = np.where(at == 0, 0, np.where(at[None] == lengths[:, None] - 1, 2, 1))
        first = 1 + len(_SHAPES) + _LENGTHS
        marks = np.concatenate([
            self._marks[words], (first + spacing)[..., None],
            (first + _SPACINGS + place)[..., None],
            np.where(known >= 0, _NUM_SHAPE_MARKS + known, 0)], axis=-1)
        return ngrams, (marks * inside[..., None]).astype(np.int32), lengths

    def _number_of(self, word: str) -> int:
        number = self._number.get(word)
        if number is None:
            number = self._number[word] = len(self._number)
            if number == len(self._ngrams):
                self._ngrams = np.concatenate([self._ngrams, np.zeros_like(self._ngrams)])
                self._marks = np.concatenate([self._marks, np.zeros_like(self._marks)])
            hashes = ngram_hashes(word, self._num_ngrams)
            self._ngrams[number, :len(hashes)] = hashes
            self._marks[number] = (1 + _SHAPES.index(shape(word)),
                                   1 + len(_SHAPES) + min(len(word), _LENGTHS) - 1)
        return number


def ngram_hashes(word: str, num_ngrams: int) -> list[int]:
    """The whole word, and its n-grams of 2 to 4 characters with its ends marked, hashed.

    The whole word comes twice over, with its case and without. Ends come before the middle, for
    where a long word has more than MAX_NGRAMS.
    """
    folded = word.casefold()
    bounded = f"<{folded[:_MAX_CHARS]}>"
    pieces = [f"={folded}", f"#{word}", bounded[:4], bounded[-4:], bounded[:3], bounded[-3:]]
    for size in (3, 4, 2):
        pieces += [bounded[at:at + size] for at in range(len(bounded) - size + 1)]
    unique = list(dict.fromkeys(pieces))[:MAX_NGRAMS]
    return [1 + zlib.crc32(piece.encode("utf-8", "surrogatepass")) % (num_ngrams - 1)
            for piece in unique]


def shape(word: str) -> str:
    """What kind of characters a word is made of."""
    if word.isdigit():
        return "digits"
    if not word[0].isalpha():
        return "number" if word[0].isdigit() else "punctuation"
    if word.islower():
        return "lower"
    if word.isupper():
        return "upper" if len(word) > 1 else "title"
    if word.istitle():
        return "title"
    return "mixed" if word.casefold() != word else "caseless"
