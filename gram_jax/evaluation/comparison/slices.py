"""Kinds of queries, to see where a method is strong: demand, length, spelling, attributes, words.

Knows texts, counts and grades; what attributes a query names is told. Each function gives a
`SliceFamily`; where `overlapping` is False its slices part the queries: each is in exactly one.
"""

import dataclasses
import functools
from collections.abc import Collection, Mapping, Sequence, Set

import numpy as np

from gram_jax.core.records import RELEVANT_GRADE
from gram_jax.core.runs import Qrels
from gram_jax.text.normal_form import words

LONGEST = 5
"""Queries of so many words or more are one slice."""

_SHORTEST_MISTYPED = 4
_ONE_SLIP_UP_TO = 5
_WORDS_A_BLOCK = 256
_TITLES_A_BLOCK = 1000


@dataclasses.dataclass(frozen=True)
class SliceFamily:
    """Queries sorted by one property.

    Empty slices are left out by whoever shows them.

    Args:
      name: of the property.
      explanation: one sentence that says which query is in which slice.
      slices: their names, in order.
      members: bool [slices, queries].
      overlapping: whether a query may be in several.
    """

    name: str
    explanation: str
    slices: tuple[str, ...]
    members: np.ndarray
    overlapping: bool = False


def by_demand(query_ids: Sequence[str], counts: Mapping[str, float], *,
              what: str = "clicks") -> SliceFamily:
    """Head, torso and tail: thirds of what all queries have of clicks (or of judged products).

    Queries are ordered by falling count, those of equal count together. A group of equals is head
    where the middle of its counts lies in the first third of all counts, torso in the second, tail
    in the last. So the head is few queries of many clicks, and equal queries are never parted.

    Args:
      query_ids: the queries.
      counts: query_id -> count; 0 where it has none.
      what: is counted, for the explanation.
    """
    held = np.array([counts.get(query_id, 0) for query_id in query_ids], np.float64)
    values, group, sizes = np.unique(-held, return_inverse=True, return_counts=True)
    mass = -values * sizes
    middle = (np.cumsum(mass) - mass / 2) / max(mass.sum(), 1e-300)
    third = np.where(values == 0, 2, np.minimum((middle * 3).astype(int), 2))
    return _parted("demand", f"by {what}: the most asked queries that together have a third of all "
                   f"{what} are the head, the next third the torso, the last the tail",
                   ("head", "torso", "tail"), third[group])


def by_length(texts: Sequence[str]) -> SliceFamily:
    """By the number of words, `LONGEST` or more together."""
    lengths = np.array([len(words(text)) for text in texts], int)
    names = ("1 word", *(f"{n} words" for n in range(2, LONGEST)), f"{LONGEST} words or more")
    return _parted("query length", "by the number of words in the query", names,
                   np.clip(lengths, 1, LONGEST) - 1)


def by_spelling(texts: Sequence[str], catalog_words: Collection[str]) -> SliceFamily:
    """By whether every word is one of the catalogue's, or could be one mistyped.

    A word may be mistyped that the catalogue lacks, of letters only and at least four, and within
    one edit (two from six letters on) of a catalogue's word; an edit is a letter more, less or
    other, or two neighbours exchanged.
    """
    known = catalog_words if isinstance(catalog_words, Set) else frozenset(catalog_words)
    strange = [[word for word in words(text) if word not in known] for text in texts]
    mistyped = mistyped_words({word for found in strange for word in found}, known)
    kinds = [0 if not found else 1 if mistyped.intersection(found) else 2 for found in strange]
    return _parted("spelling", "a typo is a word that the catalogue lacks and that is one or two "
                   "edits from one it has; other words that it lacks are unknown",
                   ("all words known", "with a typo", "with an unknown word"),
                   np.array(kinds, int))


def mistyped_words(strange: Collection[str], known: Collection[str]) -> frozenset[str]:
    """Those of the strange words that are few edits from a known one; see `by_spelling`."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    by_size: dict[int, list[str]] = {}
    for word in known:
        if word.isalpha():
            by_size.setdefault(len(word), []).append(word)
    asked: dict[int, list[str]] = {}
    for word in strange:
        if len(word) >= _SHORTEST_MISTYPED and word.isalpha():
            asked.setdefault(len(word), []).append(word)
    found = set()
    for size, group in asked.items():
        edits = 1 if size <= _ONE_SLIP_UP_TO else 2
        near = [word for other in range(size - edits, size + edits + 1)
                for word in by_size.get(other, ())]
        for start in range(0, len(group) if near else 0, _WORDS_A_BLOCK):
            block = group[start:start + _WORDS_A_BLOCK]
            distances = process.cdist(block, near, scorer=OSA.distance, score_cutoff=edits,
                                      dtype=np.uint8)  # beyond the cutoff it is one more
            found.update(word for word, few in zip(block, (distances <= edits).any(axis=1)) if few)
    return frozenset(found)


def by_attributes(query_ids: Sequence[str],
                  attribute_types: Mapping[str, Set[str]]) -> SliceFamily:
    """Queries that name a brand, a category, another attribute, or none: they overlap.

    Args:
      query_ids: the queries.
      attribute_types: query_id -> the types of the values read off its text; missing is none.
    """
    types = [frozenset(attribute_types.get(query_id, ())) for query_id in query_ids]
    members = np.array([
        ["brand" in found for found in types], ["category" in found for found in types],
        [bool(found - {"brand", "category"}) for found in types], [not found for found in types]])
    return SliceFamily("attributes", "by the attribute values read off the query; one that names a "
                       "brand and a category is in both slices",
                       ("names a brand", "names a category", "names another attribute",
                        "names none"), members.reshape(4, len(types)), overlapping=True)


def by_shared_words(query_ids: Sequence[str], texts: Sequence[str], qrels: Qrels,
                    titles: Mapping[str, str]) -> SliceFamily:
    """By how many of a query's words are in titles of its relevant products.

    A query is in the first slice where no relevant title has any of its words, in the last where
    one title has all of them. Relevant products without a title count as titles without words.
    """
    @functools.cache
    def title_words(product_id: str) -> frozenset[str]:
        return frozenset(words(titles.get(product_id, "")))

    kinds = []
    for query_id, text in zip(query_ids, texts):
        asked = frozenset(words(text))
        shared = [len(asked & title_words(product_id))
                  for product_id, grade in qrels[query_id].items() if grade >= RELEVANT_GRADE]
        most = max(shared, default=0)
        kinds.append(0 if not most else 2 if most == len(asked) else 1)
    return _parted("shared words", "by how many of the query's words a title of one of its "
                   "relevant products has, at best",
                   ("no word in a relevant title", "some words", "all words in one title"),
                   np.array(kinds, int))


def words_of_titles(titles: Collection[str]) -> frozenset[str]:
    """The words of a catalogue."""
    titles, found = list(titles), set()
    for start in range(0, len(titles), _TITLES_A_BLOCK):
        # A space parts words, so that one call does for many titles.
        found.update(words(" ".join(titles[start:start + _TITLES_A_BLOCK])))
    return frozenset(found)


def _parted(name: str, explanation: str, slices: tuple[str, ...],
            kinds: np.ndarray) -> SliceFamily:
    return SliceFamily(name, explanation, slices, kinds == np.arange(len(slices))[:, None])
