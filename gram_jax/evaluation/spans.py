"""How well values found in texts are those that people marked: exact match, by type and group.

Knows (type, value) pairs by text only; neither words nor how they were found.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping

Pairs = frozenset[tuple[str, str]]
"""(type, value in normal form) pairs of one text."""


@dataclasses.dataclass(frozen=True)
class MatchCounts:
    """Values found and wanted.

    Args:
      right: values found that are wanted.
      found: values found.
      wanted: values wanted.
    """

    right: int
    found: int
    wanted: int

    @property
    def precision(self) -> float:
        """Share of the found values that are right; 0 where nothing was found."""
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Share of the wanted values that were found; 0 where nothing is wanted."""
        return self.right / self.wanted if self.wanted else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        total = self.found + self.wanted
        return 2 * self.right / total if total else 0.0

    def figures(self) -> dict[str, float]:
        """Precision, recall, F1 and counts, for a report."""
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1,
                "right": self.right, "found": self.found, "wanted": self.wanted}


def match_values(wanted: Iterable[Pairs], found: Iterable[Pairs]) -> MatchCounts:
    """Counts exact matches of type and value over texts, text by text.

    Raises:
      ValueError: there are not as many texts on both sides.
    """
    right = num_found = num_wanted = 0
    for of_text, seen in zip(wanted, found, strict=True):
        right += len(of_text & seen)
        num_found += len(seen)
        num_wanted += len(of_text)
    return MatchCounts(right, num_found, num_wanted)


def match_by_type(wanted: Iterable[Pairs], found: Iterable[Pairs]) -> Mapping[str, MatchCounts]:
    """The counts of each type that occurs on either side.

    Raises:
      ValueError: there are not as many texts on both sides.
    """
    right, num_found, num_wanted = Counter(), Counter(), Counter()
    for of_text, seen in zip(wanted, found, strict=True):
        right.update(attribute for attribute, _ in of_text & seen)
        num_found.update(attribute for attribute, _ in seen)
        num_wanted.update(attribute for attribute, _ in of_text)
    return {attribute: MatchCounts(right[attribute], num_found[attribute], num_wanted[attribute])
            for attribute in sorted(num_found | num_wanted)}
