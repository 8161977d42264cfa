"""The share of a query's words that a product has: what a relevance model has to beat."""

from collections.abc import Sequence

import numpy as np

from gram_jax.attributes.normalize import value_words
from gram_jax.core.protocols import RelevanceModel


class WordOverlap(RelevanceModel):
    """Counts words in normal form, with plurals, units and numbers spelled alike."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """float32 [pairs], from 0 (none) to 1 (all); 0 for a query without words."""
        scores = np.zeros(len(pairs), np.float32)
        for place, (query, product) in enumerate(pairs):
            asked = set(value_words(query))
            if asked:
                scores[place] = len(asked & set(value_words(product))) / len(asked)
        return scores
