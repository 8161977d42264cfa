"""The area under the ROC curve is the share of pairs that are in order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.evaluation.auc import area_under_roc, best_cut, mean_area_by_group

LABELLED = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=30).filter(
    lambda rows: len({good for _, good in rows}) == 2)


def by_pairs(scores, is_good):
    """The definition: every pair of a good and a bad one, counted."""
    above = [1.0 if one > other else 0.5 if one == other else 0.0
             for one, good in zip(scores, is_good) if good
             for other, other_good in zip(scores, is_good) if not other_good]
    return np.mean(above)


@given(LABELLED)
def test_it_is_the_share_of_pairs_in_order(rows):
    scores, is_good = zip(*rows)
    np.testing.assert_allclose(area_under_roc(scores, is_good), by_pairs(scores, is_good))


@given(LABELLED)
def test_only_the_order_of_scores_matters(rows):
    scores, is_good = map(np.array, zip(*rows))
    assert area_under_roc(np.exp(scores), is_good) == area_under_roc(scores, is_good)
    np.testing.assert_allclose(area_under_roc(-scores, is_good),
                               1 - area_under_roc(scores, is_good))


def test_the_mean_over_groups_leaves_out_groups_of_one_kind():
    scores = np.array([1.0, 0.0, 5.0, 3.0, 4.0, 9.0])
    is_good = np.array([True, False, True, True, False, False])
    groups = np.array([7, 7, 3, 2, 2, 3])
    assert mean_area_by_group(scores, is_good, groups) == pytest.approx((1 + 0 + 0) / 3)
    assert mean_area_by_group(scores[:3], is_good[:3], groups[:3]) == 1.0
    assert mean_area_by_group(scores[2:4], is_good[2:4], groups[2:4]) is None


@given(LABELLED)
def test_no_other_cut_tells_the_two_kinds_apart_better(rows):
    scores, is_good = map(np.array, zip(*rows))

    def index(cut):
        return (scores[is_good] >= cut).mean() - (scores[~is_good] >= cut).mean()

    assert index(best_cut(scores, is_good)) == max(index(cut) for cut in scores)


@pytest.mark.parametrize(("scores", "is_good"), [
    ([1.0], [True]), ([1.0, 2.0], [False, False]), ([1.0, 2.0], [True]),
    ([np.nan, 1.0], [True, False])])
def test_what_has_no_area_is_refused(scores, is_good):
    with pytest.raises(ValueError):
        area_under_roc(scores, is_good)
