"""Picks the best of many scores, the same way every time. Knows nothing of what is scored."""

import numpy as np


def best_first(scores: np.ndarray, k: int) -> np.ndarray:
    """The places of the `k` highest scores, best first; the lower place wins a tie.

    Args:
      scores: [n], no NaN.
      k: how many; all of them where there are fewer.

    Returns:
      int64 [min(k, n)].
    """
    if k <= 0:
        return np.zeros(0, np.int64)
    places = np.arange(len(scores))
    if k < len(scores):
        least = np.partition(scores, -k)[-k]
        places = np.flatnonzero(scores >= least)
    return places[np.argsort(-scores[places], kind="stable")[:k]]
