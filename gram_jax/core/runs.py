"""What a retriever returns and what it is measured against."""

import dataclasses
from collections.abc import Mapping

Qrels = Mapping[str, Mapping[str, int]]
"""query_id -> product_id -> grade."""


@dataclasses.dataclass(frozen=True, slots=True)
class RankedList:
    """The products found for one query, best first.

    `product_ids` are unique; the list may be shorter than was asked for and is never padded.
    `codes` names the code that found each product, or is empty for a retriever without codes.

    Raises:
      ValueError: lengths differ, a product repeats, or scores rise.

    Examples:
      >>> RankedList("q1", ("p1", "p2"), (1.0, 2.0))
      Traceback (most recent call last):
      ValueError: query q1: scores are not best first
    """

    query_id: str
    product_ids: tuple[str, ...]
    scores: tuple[float, ...]
    codes: tuple[str, ...] = ()

    def __post_init__(self):
        if len(self.scores) != len(self.product_ids):
            raise ValueError(f"query {self.query_id}: {len(self.product_ids)} products "
                             f"but {len(self.scores)} scores")
        if self.codes and len(self.codes) != len(self.product_ids):
            raise ValueError(f"query {self.query_id}: {len(self.product_ids)} products "
                             f"but {len(self.codes)} codes")
        if len(set(self.product_ids)) != len(self.product_ids):
            raise ValueError(f"query {self.query_id}: a product is listed twice")
        if any(a < b for a, b in zip(self.scores, self.scores[1:])):
            raise ValueError(f"query {self.query_id}: scores are not best first")


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """The ranked lists of one method, one for each query asked.

    Raises:
      ValueError: two lists answer the same query.
    """

    name: str
    ranked_lists: tuple[RankedList, ...]

    def __post_init__(self):
        ids = [ranked.query_id for ranked in self.ranked_lists]
        if len(set(ids)) != len(ids):
            raise ValueError(f"run {self.name}: a query is answered twice")
