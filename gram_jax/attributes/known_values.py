"""Values met in annotated texts, and how often a text that spells one has it marked.

'Original' is spelled by many titles and marked in few, 'Nature Made' is marked wherever it
stands. A tagger reads this as marks on words; it decides by itself what to make of them. Knows no
network.
"""

import dataclasses
import functools
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from gram_jax.attributes.annotations import AnnotatedText
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError
from gram_jax.text.word_places import word_places

_MAX_WORDS = 8
_RATES = (0.15, 0.4, 0.7)
"""Ends of the ranges of marking rates; a value below the first is not pointed out."""

Phrase = str
"""The words of a value, case folded, joined by spaces."""


def folded_words(text: str, places: Sequence[tuple[int, int]]) -> list[str]:
    """The words of a text as phrases spell them."""
    return [text[start:end].casefold() for start, end in places]


@dataclasses.dataclass(frozen=True)
class KnownValues:
    """How often phrases occur in annotated texts and are marked there.

    Args:
      types: in canonical order.
      occurs: phrase -> texts that hold it.
      marked: phrase -> type -> texts that have it marked so.
    """

    types: tuple[str, ...]
    occurs: Mapping[Phrase, int]
    marked: Mapping[Phrase, Mapping[str, int]]

    @classmethod
    def build(cls, texts: Iterable[AnnotatedText], types: Sequence[str]) -> "KnownValues":
        """Counts every phrase that is marked at least once."""
        rows, marked = [], defaultdict(Counter)
        for text in texts:
            places = word_places(text.text)
            folded = folded_words(text.text, places)
            rows.append(folded)
            for phrase, attribute in _marked_phrases(text, places, folded):
                marked[phrase][attribute] += 1
        known = cls(tuple(types), {}, marked)
        occurs: Counter[Phrase] = Counter()
        for folded in rows:
            occurs.update({phrase for _, _, phrase in known._found(folded)})
        return cls(tuple(types), dict(occurs), {phrase: dict(of) for phrase, of in marked.items()})

    @property
    def num_marks(self) -> int:
        """How many different marks there are; they count from 0."""
        return 3 * len(self.types) * len(_RATES)

    def marks(self, folded: Sequence[str], own: AnnotatedText | None = None) -> np.ndarray:
        """What is known of every word of a text.

        Args:
          folded: its words.
          own: the annotated text itself where it is among those counted: it is left out, since
            every value is known by heart where it was learned.

        Returns:
          int32 [words, 2]: the mark of the longest known value over the word (whether it begins
          there counts), and of the word as a value of its own; -1 where there is none.
        """
        unmarked = {} if own is None else _own_counts(self, own, folded)
        marks = np.full((len(folded), 2), -1, np.int32)
        end_of_longest = 0
        for start, end, phrase in self._found(folded):
            kind = self._kind(phrase, unmarked.get(phrase))
            if kind is None:
                continue
            if end == start + 1:
                marks[start, 1] = 2 * len(self.types) * len(_RATES) + kind
            if start >= end_of_longest:
                marks[start, 0] = kind
                marks[start + 1:end, 0] = len(self.types) * len(_RATES) + kind
                end_of_longest = end
        return marks

    def _kind(self, phrase: Phrase, own: tuple[str | None, ...] | None) -> int | None:
        """The number of a phrase's type and rate range, without the text that is left out."""
        if own is None:
            return self._kinds.get(phrase)
        counts = Counter(self.marked[phrase])
        counts.subtract(attribute for attribute in own if attribute is not None)
        return _kind_of(self.types, counts, self.occurs[phrase] - 1)

    @functools.cached_property
    def _kinds(self) -> Mapping[Phrase, int]:
        kinds = {phrase: _kind_of(self.types, of, self.occurs[phrase])
                 for phrase, of in self.marked.items()}
        return {phrase: kind for phrase, kind in kinds.items() if kind is not None}

    def _found(self, folded: Sequence[str]) -> list[tuple[int, int, Phrase]]:
        """(start, end, phrase) of phrases, by place, longest first."""
        found = []
        for start, word in enumerate(folded):
            for length in self._lengths.get(word, ()):
                phrase = " ".join(folded[start:start + length])
                if start + length <= len(folded) and phrase in self.marked:
                    found.append((start, start + length, phrase))
        return found

    @functools.cached_property
    def _lengths(self) -> Mapping[str, tuple[int, ...]]:
        """First word -> lengths in words of the phrases it opens, longest first."""
        lengths: dict[str, set[int]] = {}
        for phrase in self.marked:
            words = phrase.split(" ")
            lengths.setdefault(words[0], set()).add(len(words))
        return {word: tuple(sorted(found, reverse=True)) for word, found in lengths.items()}

    def save(self, path: str | os.PathLike) -> None:
        """Writes the counts as JSON."""
        rows = {phrase: [self.occurs[phrase], self.marked[phrase]]
                for phrase in sorted(self.marked)}
        with atomic_file(path) as stream:
            json.dump({"types": self.types, "values": rows}, stream, ensure_ascii=False, indent=0)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "KnownValues":
        """Reads what `save` wrote.

        Raises:
          ArtifactError: the file is missing or damaged.
        """
        try:
            with open(path, encoding="utf-8") as stream:
                content = json.load(stream)
            rows = content["values"]
            return cls(tuple(content["types"]), {phrase: row[0] for phrase, row in rows.items()},
                       {phrase: row[1] for phrase, row in rows.items()})
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise ArtifactError(f"{path} is not a file of known values ({error}): run the tagger "
                                "stage again") from error


def _marked_phrases(text: AnnotatedText, places, folded) -> set[tuple[Phrase, str]]:
    return {(" ".join(folded[start:end]), attribute)
            for start, end, attribute in text.word_spans(places) if end - start <= _MAX_WORDS}


def _own_counts(known: KnownValues, own: AnnotatedText, folded) -> dict[Phrase, tuple]:
    """Phrases of a counted text -> the types it has them marked as."""
    counted: dict[Phrase, tuple] = {phrase: () for _, _, phrase in known._found(folded)}
    for phrase, attribute in _marked_phrases(own, word_places(own.text), folded):
        counted[phrase] = (*counted.get(phrase, ()), attribute)
    return counted


def _kind_of(types: Sequence[str], counts: Mapping[str, int], occurs: int) -> int | None:
    """type * ranges + range of the commonest type, or None where it is seldom marked."""
    attribute = max(types, key=lambda name: counts.get(name, 0))
    rate = counts.get(attribute, 0) / occurs if occurs > 0 else 0.0
    if rate < _RATES[0]:
        return None
    return types.index(attribute) * len(_RATES) + sum(rate >= end for end in _RATES[1:])
