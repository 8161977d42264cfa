"""Every n-gram of tokens that occurs in a catalogue's titles: how often, and in which products.

A suffix array cut at the longest n-gram: the places of all tokens, sorted by the tokens that follow
from there. The occurrences of an n-gram are then one range of it. SEAL (Bevilacqua et al., NeurIPS
2022, arXiv 2204.10628) asks an FM-index for the same ranges, and for the tokens that may follow
one, which no accelerator can: each answer is a chain of rank queries on the host. An FM-index
spares memory where a corpus is millions of passages of a hundred tokens. Titles are short, so that
plain arrays hold their ranges, and what may follow is a trie of their n-grams (`NgramTable.trie`),
which the device walks as it walks that of codes: a step of the search never leaves it.

Knows token ids and products' numbers; nothing of texts, models or scores.

A *place* counts all tokens, titles one after the other, each closed by one 0.
"""

import dataclasses
import functools
import itertools
import os
from collections.abc import Sequence

import numpy as np

from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError, InputError
from gram_jax.trie.builder import build_trie
from gram_jax.trie.code_order import sort_codes
from gram_jax.trie.code_trie import CodeTrie

_END = 0
_FILE_FIELDS = ("tokens", "title_starts", "order", "max_tokens", "vocab_size")


@dataclasses.dataclass(frozen=True, eq=False)
class NgramTable:
    """The n-grams of up to `max_tokens` tokens, by their occurrences.

    Memory is 4 bytes a place for each of `tokens`, `order` and what `ranks` and `title_of` cache:
    55 thousand titles of 20 tokens take 18 MB, a million 340 MB. Building holds `max_tokens`
    numbers a place besides, and takes some seconds for ten million places.

    Args:
      tokens: int32 [places], the titles' tokens, each title closed by 0.
      title_starts: int64 [titles + 1]; title t is `title(t)`, and its end the place behind it.
      order: int32 [num_tokens], the places that are not ends, by the tokens from there to the end
        of the title or to `max_tokens`.
      max_tokens: tokens of the longest n-grams.
      vocab_size: tokens are below it.
    """

    tokens: np.ndarray
    title_starts: np.ndarray
    order: np.ndarray
    max_tokens: int
    vocab_size: int

    @classmethod
    def build(cls, titles: Sequence[Sequence[int]], *, vocab_size: int,
              max_tokens: int = 10) -> "NgramTable":
        """The table of titles given as token ids, in the order of the products.

        Args:
          titles: token ids without EOS; one may be empty.
          vocab_size: tokens are in 1 .. vocab_size - 1.
          max_tokens: of an n-gram; SEAL decodes 10.

        Raises:
          InputError: a token is out of range, which is named.
        """
        if max_tokens < 1:
            raise ValueError(f"max_tokens is {max_tokens}; it must be at least 1")
        sizes = np.fromiter(map(len, titles), np.int64, len(titles)) + 1
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        flat = itertools.chain.from_iterable((*title, _END) for title in titles)
        tokens = np.fromiter(flat, np.int32, int(starts[-1]))
        is_token = np.ones(len(tokens), bool)
        is_token[starts[1:] - 1] = False
        wrong = is_token & ((tokens < 1) | (tokens >= vocab_size))
        if wrong.any():
            place = int(np.argmax(wrong))
            title = int(np.searchsorted(starts, place, side="right")) - 1
            raise InputError(f"title {title} has token {tokens[place]}, outside 1 .. "
                             f"{vocab_size - 1}",
                             remedy="encode titles with the vocabulary of the model, and if that "
                                    "was renumbered for codes, build it with generate_texts")
        places = np.flatnonzero(is_token).astype(np.int32)
        # No token has id `vocab_size`: titles have no EOS that would have to come first.
        order, _ = sort_codes(_windows(tokens, places, max_tokens), vocab_size=vocab_size + 1,
                              eos_id=vocab_size)
        return cls(tokens, starts, places[order], max_tokens, vocab_size)

    @property
    def num_titles(self) -> int:
        """How many titles there are, empty ones included."""
        return len(self.title_starts) - 1

    @property
    def num_tokens(self) -> int:
        """Tokens of all titles together."""
        return len(self.order)

    def title(self, number: int) -> np.ndarray:
        """The tokens of a title: int32 [n]."""
        return self.tokens[self.title_starts[number]:self.title_starts[number + 1] - 1]

    @functools.cached_property
    def ranks(self) -> np.ndarray:
        """Where each place stands in `order`; -1 for the ends: int32 [places]."""
        ranks = np.full(len(self.tokens), -1, np.int32)
        ranks[self.order] = np.arange(self.num_tokens, dtype=np.int32)
        return ranks

    @functools.cached_property
    def title_of(self) -> np.ndarray:
        """The title of each place: int32 [places]."""
        return np.repeat(np.arange(self.num_titles, dtype=np.int32), np.diff(self.title_starts))

    def ranges(self, ngrams: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the occurrences of each n-gram begin and end in `order`.

        `end - start` is F(n, R), the times that it occurs in the whole catalogue.

        Args:
          ngrams: int [n, length], 0 behind the last token; one of no tokens occurs nowhere.

        Returns:
          int64 [n] twice; equal where an n-gram does not occur.

        Raises:
          ValueError: an n-gram is longer than those of the table.
        """
        if ngrams[:, self.max_tokens:].any():
            raise ValueError(f"an n-gram has more than {self.max_tokens} tokens")
        starts = np.zeros(len(ngrams), np.int64)
        ends = np.where((ngrams != 0).any(axis=1), self.num_tokens, 0)
        for depth in range(min(ngrams.shape[1], self.max_tokens)):
            longer = np.flatnonzero(ngrams[:, depth] != 0)
            column = ngrams[longer, depth]
            below = self._first_at_least(starts[longer], ends[longer], column, depth)
            ends[longer] = self._first_at_least(below, ends[longer], column + 1, depth)
            starts[longer] = below
        return starts, ends

    def _first_at_least(self, starts: np.ndarray, ends: np.ndarray, tokens: np.ndarray,
                        depth: int) -> np.ndarray:
        """Bisects each range for its first place whose token at `depth` is not below the given.

        Within a range all tokens before `depth` agree and are no ends, so that what stands at
        `depth` is in the same title, or its end.
        """
        low, high = starts.copy(), ends.copy()
        while len(open_ := np.flatnonzero(low < high)):
            middle = (low[open_] + high[open_]) // 2
            below = self.tokens[self.order[middle] + depth] < tokens[open_]
            low[open_] = np.where(below, middle + 1, low[open_])
            high[open_] = np.where(below, high[open_], middle)
        return low

    def longest_ngrams(self) -> np.ndarray:
        """The n-grams of which all others are beginnings, sorted: int32 [n, max_tokens].

        Those of `max_tokens`, and shorter ones at titles' ends that begin no other.
        """
        windows = _windows(self.tokens, self.order, self.max_tokens)
        begins_next = np.zeros(len(windows), bool)
        # Sorted, what begins any other n-gram begins the next.
        begins_next[:-1] = ((windows[:-1] == windows[1:]) | (windows[:-1] == 0)).all(axis=1)
        return windows[~begins_next]

    def trie(self, *, eos_id: int) -> CodeTrie:
        """A trie whose prefixes are exactly the n-grams that occur.

        There is at most one code a place, where a trie in which every n-gram ended would have
        `max_tokens` times as many: what a search passes on its way is an n-gram already
        (`ngram_search`). Where codes part early, which titles of different products do, tails are
        most of it: about 4 * (max_tokens + 5) bytes a place, 70 MB for a million places.

        Args:
          eos_id: of the vocabulary; it closes the codes and is in no title.

        Raises:
          InputError: a title holds EOS.
        """
        holds_eos = self.tokens == eos_id
        if holds_eos.any():
            title = int(self.title_of[np.argmax(holds_eos)])
            raise InputError(f"title {title} holds EOS (token {eos_id})",
                             remedy="encode titles without EOS")
        longest = self.longest_ngrams()
        codes = np.zeros((len(longest), self.max_tokens + 1), np.int32)
        codes[:, :-1] = longest
        codes[np.arange(len(codes)), (longest != 0).sum(axis=1)] = eos_id
        return build_trie(codes, vocab_size=self.vocab_size, eos_id=eos_id)

    def save(self, path: str | os.PathLike) -> None:
        """Writes an .npz file, whole or not at all."""
        with atomic_file(path, "wb") as stream:
            np.savez(stream, **{name: getattr(self, name) for name in _FILE_FIELDS})

    @classmethod
    def load(cls, path: str | os.PathLike) -> "NgramTable":
        """Reads what `save` wrote.

        Raises:
          ArtifactError: the file is missing or damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                fields = {name: file[name] for name in _FILE_FIELDS}
        except Exception as error:  # a missing or damaged file has many errors
            raise ArtifactError(f"{path}: there is no n-gram table here, or it is damaged "
                                f"({error})") from error
        sizes = {name: int(fields.pop(name)) for name in _FILE_FIELDS[-2:]}
        return cls(**fields, **sizes)


def _windows(tokens: np.ndarray, places: np.ndarray, length: int) -> np.ndarray:
    """The tokens from each place to its title's end, at most `length`: int32 [places, length]."""
    windows = np.zeros((len(places), length), np.int32)
    inside = np.ones(len(places), bool)
    for depth in range(length):
        found = tokens[np.minimum(places + depth, len(tokens) - 1)]
        inside &= found != _END
        windows[:, depth] = np.where(inside, found, _END)
    return windows
