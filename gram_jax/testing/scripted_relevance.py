"""A relevance model that does what it is told, and remembers what it was asked."""

from collections.abc import Callable, Sequence

import numpy as np

from gram_jax.core.protocols import RelevanceModel


class ScriptedRelevance(RelevanceModel):
    """Scores by a function.

    Args:
      relevance: from a query's and a product's text to a score.
    """

    def __init__(self, relevance: Callable[[str, str], float]):
        self._relevance = relevance
        self.asked: list[tuple[str, str]] = []

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """The function's value for each pair: float32 [pairs]."""
        self.asked.extend(pairs)
        return np.array([self._relevance(*pair) for pair in pairs], np.float32)
