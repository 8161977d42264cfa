"""Slips of shoppers' keys, put right by the catalogue's own words.

Only a word that neither the catalogue nor several shoppers know is touched: it may have slipped
('fauct'), been run together ('plasticbathroom') or fallen apart ('de walt'). Where two corrections
are about as likely, nothing is done. Knows words in normal form, and nothing of attributes.
"""

import dataclasses
import functools
import json
import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA

from gram_jax.attributes.term_counts import TermCounts, stop_words
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError

_MAX_REMEMBERED = 100_000


@dataclasses.dataclass(frozen=True)
class SpellingSettings:
    """When a word of a query is taken for another.

    Args:
      min_known_products: products whose words a word must be among to be known.
      min_known_queries: train queries that use a word for it to be a word of shoppers.
      slip_rarity: how many times as often its correction may be asked for by then; what is asked
        for still more often is slipped on often too.
      min_target_products: products that must have the word which replaces one.
      min_length: shorter words are left alone.
      min_length_for_two: letters a word needs for two slips.
      dominance: how many times as common as the second best the best correction must be.
      min_joined_length: letters of a word that may be taken apart.
      min_part_length: letters of each part of a word that is taken apart.
      min_part_products: products that must have each part.
    """

    min_known_products: int = 1
    min_known_queries: int = 3
    slip_rarity: float = 10.0
    min_target_products: int = 5
    min_length: int = 4
    min_length_for_two: int = 8
    dominance: float = 3.0
    min_joined_length: int = 7
    min_part_length: int = 3
    min_part_products: int = 20


class Correction(NamedTuple):
    """What should stand in a query for its words `start` up to `end`."""

    start: int
    end: int
    written: tuple[str, ...]
    words: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Spelling:
    """Corrects the words of queries.

    Args:
      products: word -> products that have it.
      shopper_words: words that are right although few products have them.
      settings: when to correct.
    """

    products: Mapping[str, int] = dataclasses.field(default_factory=dict)
    shopper_words: frozenset[str] = frozenset()
    settings: SpellingSettings = SpellingSettings()

    def correct(self, words: Sequence[str]) -> list[Correction]:
        """Divides the words of a query into pieces, each with what should stand there.

        Args:
          words: as `attributes.normalize.value_words` returns them.

        Returns:
          Pieces that cover `words` in order; a right word is a piece of its own.
        """
        pieces = []
        at = 0
        while at < len(words):
            word = words[at]
            end, right = at + 1, (word,)
            joined = self._joined(words, at)
            if joined is not None:
                end, right = at + 2, (joined,)
            elif not self.knows(word):
                right = self._corrections.get(word) or self._remember(word)
            pieces.append(Correction(at, end, tuple(words[at:end]), right))
            at = end
        return pieces

    def knows(self, word: str) -> bool:
        """Whether a word is taken as it is: known, or not made of letters alone, or short."""
        return len(word) < self.settings.min_length or not word.isalpha() or not word.isascii() \
            or self.products.get(word, 0) >= self.settings.min_known_products \
            or word in self.shopper_words

    def _remember(self, word: str) -> tuple[str, ...]:
        if len(self._corrections) >= _MAX_REMEMBERED:
            self._corrections.clear()
        right = self._corrections[word] = self._best(word)
        return right

    def _best(self, word: str) -> tuple[str, ...]:
        """One slip first, then two words run together, then two slips; else the word itself."""
        one = self._within(word, 1)
        if one is not None:
            return (one,)
        parts = self._parts(word)
        if parts is not None:
            return parts
        two = self._within(word, 2) if len(word) >= self.settings.min_length_for_two else None
        return (word,) if two is None else (two,)

    def _within(self, word: str, num_slips: int) -> str | None:
        """The word that is `num_slips` away and clearly commoner than others so near."""
        choices = [choice for length in range(len(word) - num_slips, len(word) + num_slips + 1)
                   for choice in self._targets_by_length.get(length, ())]
        near = [choice for choice, _, _ in process.extract(
            word, choices, scorer=OSA.distance, score_cutoff=num_slips, limit=None)]
        if num_slips > 1:  # the first letter seldom slips, and 'polymeric' is no slip of 'polymer'
            near = [choice for choice in near if choice[0] == word[0]
                    and not word.startswith(choice) and not choice.startswith(word)]
        near.sort(key=lambda choice: (-self.products[choice], choice))
        if not near or (len(near) > 1 and self.products[near[0]]
                        < self.settings.dominance * self.products[near[1]]):
            return None
        return near[0]

    def _parts(self, word: str) -> tuple[str, str] | None:
        """The two common words that were run together; of several ways the commonest."""
        if len(word) < self.settings.min_joined_length:
            return None
        shortest, floor = self.settings.min_part_length, self.settings.min_part_products
        ways = [(word[:at], word[at:]) for at in range(shortest, len(word) - shortest + 1)]
        ways = [way for way in ways if min(self.products.get(part, 0) for part in way) >= floor
                and stop_words().isdisjoint(way)]
        return max(ways, key=lambda way: (min(self.products[part] for part in way), way),
                   default=None)

    def _joined(self, words: Sequence[str], at: int) -> str | None:
        """The common word of which this word and the next are halves, where one is no word."""
        if at + 1 == len(words) or not (words[at] + words[at + 1]).isalpha():
            return None
        joined = words[at] + words[at + 1]
        if len(joined) < self.settings.min_length + 1 \
                or self.products.get(joined, 0) < self.settings.min_target_products:
            return None
        known = [len(word) > 1 and (self.products.get(word, 0) >= self.settings.min_known_products
                                    or word in self.shopper_words) for word in words[at:at + 2]]
        return None if all(known) else joined

    @functools.cached_property
    def _targets_by_length(self) -> Mapping[int, list[str]]:
        by_length: dict[int, list[str]] = {}
        for word, count in sorted(self.products.items()):
            if count >= self.settings.min_target_products and len(word) >= self.settings.min_length:
                by_length.setdefault(len(word), []).append(word)
        return by_length

    @functools.cached_property
    def _corrections(self) -> dict[str, tuple[str, ...]]:
        """Words looked up so far."""
        return {}

    def save(self, path: str | os.PathLike) -> None:
        """Writes words, counts and settings as JSON."""
        with atomic_file(path) as stream:
            json.dump({"settings": dataclasses.asdict(self.settings),
                       "shopper_words": sorted(self.shopper_words),
                       "products": dict(sorted(self.products.items()))}, stream,
                      ensure_ascii=False, indent=0)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Spelling":
        """Reads what `save` wrote.

        Raises:
          ArtifactError: the file is missing or damaged.
        """
        try:
            with open(path, encoding="utf-8") as stream:
                row = json.load(stream)
            return cls({word: int(count) for word, count in row["products"].items()},
                       frozenset(row["shopper_words"]), SpellingSettings(**row["settings"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArtifactError(f"{path} holds no spelling ({error}): run the attributes stage "
                                "again") from error


def learn_spelling(counts: TermCounts, query_counts: TermCounts | None = None, *,
                   settings: SpellingSettings | None = None) -> Spelling:
    """The spelling of a catalogue.

    Args:
      counts: of the catalogue.
      query_counts: of the train queries.
      settings: when to correct.
    """
    settings = settings or SpellingSettings()
    asked = (query_counts or TermCounts()).vocabulary
    floor = min(settings.min_known_products, settings.min_target_products)
    spelling = Spelling({word: count for word, count in counts.vocabulary.items()
                         if word.isalpha() and count >= floor}, settings=settings)
    shopper_words = set()
    for word, count in asked.items():
        if count >= settings.min_known_queries and not spelling.knows(word):
            (piece,) = spelling.correct([word])
            if count * settings.slip_rarity >= min(asked.get(right, 0) for right in piece.words):
                shopper_words.add(word)
    return dataclasses.replace(spelling, shopper_words=frozenset(shopper_words))
