"""How Home Depot's mean ratings, from 1 to 3, become grades."""

_THRESHOLDS = ((2.9, 3), (2.3, 2), (1.6, 1))


def home_depot_grade(mean_relevance: float) -> int:
    """3 at a mean rating of 2.9 or more, 2 at 2.3, 1 at 1.6, else 0.

    Ratings are means of a few votes on 1, 2, 3, published with two digits: 2.33 is (2 + 2 + 3) / 3.
    """
    return next((grade for least, grade in _THRESHOLDS if mean_relevance >= least), 0)
