"""BIO tags: spans of words with types as one tag a word, there and back.

Tag 0 is O; type t of the schema has B at 1 + 2t and I at 2 + 2t. Knows neither texts nor models.
"""

import dataclasses
import functools
from collections.abc import Iterable, Sequence

import numpy as np

OUTSIDE = 0

WordSpan = tuple[int, int, str]
"""(index of the first word, index after the last, type)."""


@dataclasses.dataclass(frozen=True)
class TagSet:
    """The tags over some attribute types.

    Args:
      types: in canonical order.
    """

    types: tuple[str, ...]

    @property
    def num_tags(self) -> int:
        """O, and two a type."""
        return 1 + 2 * len(self.types)

    @functools.cached_property
    def allowed(self) -> np.ndarray:
        """bool [num_tags + 1, num_tags]: may column follow row; the last row is the start.

        I of a type stands only behind B or I of that type.
        """
        allowed = np.ones((self.num_tags + 1, self.num_tags), bool)
        for inside in range(2, self.num_tags, 2):
            allowed[:, inside] = False
            allowed[[inside - 1, inside], inside] = True
        return allowed

    def tags_of(self, spans: Iterable[WordSpan], num_words: int) -> np.ndarray:
        """int32 [num_words] tags of spans which do not overlap.

        Raises:
          ValueError: a span is empty, overlaps another or does not lie in the words.
        """
        tags = np.zeros(num_words, np.int32)
        rank = {name: number for number, name in enumerate(self.types)}
        for start, end, name in spans:
            if not 0 <= start < end <= num_words or tags[start:end].any():
                raise ValueError(f"span {start}:{end} of {num_words} words is empty, outside or "
                                 "overlaps another")
            tags[start] = 1 + 2 * rank[name]
            tags[start + 1:end] = 2 + 2 * rank[name]
        return tags

    def spans_of(self, tags: Sequence[int]) -> list[WordSpan]:
        """The spans of a sequence of tags, by place.

        Raises:
          ValueError: an I follows something else than its B or I.
        """
        spans: list[WordSpan] = []
        before = OUTSIDE
        for place, tag in enumerate(np.asarray(tags).tolist()):
            if tag % 2 == 1:
                spans.append((place, place + 1, self.types[tag // 2]))
            elif tag != OUTSIDE:
                if before not in (tag - 1, tag):
                    raise ValueError(f"tag {tag} at word {place} continues no span")
                spans[-1] = (spans[-1][0], place + 1, spans[-1][2])
            before = tag
        return spans
