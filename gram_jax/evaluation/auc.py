"""How well scores part the good from the bad: the area under the ROC curve. Knows no model."""

from collections.abc import Sequence

import numpy as np


def area_under_roc(scores: Sequence[float] | np.ndarray,
                   is_good: Sequence[bool] | np.ndarray) -> float:
    """The probability that a good one scores above a bad one; equal scores count half.

    Args:
      scores: [n], no NaN.
      is_good: bool [n].

    Raises:
      ValueError: the two differ in length, there is no good or no bad one, or a score is NaN.

    Examples:
      >>> area_under_roc([3.0, 2.0, 2.0, 1.0], [True, True, False, False])
      0.875
    """
    scores, is_good = np.asarray(scores, np.float64), np.asarray(is_good, bool)
    if scores.shape != is_good.shape or scores.ndim != 1:
        raise ValueError(f"{scores.shape} scores for {is_good.shape} labels")
    if np.isnan(scores).any():
        raise ValueError("a score is NaN")
    num_good = int(is_good.sum())
    num_bad = len(is_good) - num_good
    if not num_good or not num_bad:
        raise ValueError(f"{num_good} good and {num_bad} bad ones: both are needed")
    # Mann and Whitney's U from ranks, of which equal scores share the mean.
    _, group, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    last_rank = np.cumsum(sizes)
    mean_rank = last_rank - (sizes - 1) / 2
    above = mean_rank[group][is_good].sum() - num_good * (num_good + 1) / 2
    return float(above / (num_good * num_bad))


def mean_area_by_group(scores: np.ndarray, is_good: np.ndarray, groups: np.ndarray
                       ) -> float | None:
    """The mean of `area_under_roc` over the groups (queries) that hold both kinds.

    Args:
      scores: [n].
      is_good: bool [n].
      groups: int [n], the group of each.

    Returns:
      The mean, or None where no group holds both kinds.
    """
    order = np.argsort(groups, kind="stable")
    bounds = np.flatnonzero(np.diff(groups[order])) + 1
    parts = (part for part in np.split(order, bounds)
             if 0 < np.count_nonzero(is_good[part]) < len(part))
    areas = [area_under_roc(scores[part], is_good[part]) for part in parts]
    return float(np.mean(areas)) if areas else None


def best_cut(scores: np.ndarray, is_good: np.ndarray) -> float:
    """The score from which on 'good' is said, so that both kinds are told right as often.

    Maximises the share of good ones at or above it plus the share of bad ones below it (Youden's
    index, Cancer 1950); of equal cuts the highest is taken.

    Raises:
      ValueError: there is no good or no bad one.
    """
    scores, is_good = np.asarray(scores, np.float64), np.asarray(is_good, bool)
    if is_good.all() or not is_good.any():
        raise ValueError("both good and bad ones are needed to cut between them")
    cuts, group = np.unique(scores, return_inverse=True)
    good = np.bincount(group, weights=is_good, minlength=len(cuts))[::-1].cumsum()[::-1]
    bad = np.bincount(group, weights=~is_good, minlength=len(cuts))[::-1].cumsum()[::-1]
    index = good / is_good.sum() - bad / (~is_good).sum()
    return float(cuts[len(cuts) - 1 - np.argmax(index[::-1])])
