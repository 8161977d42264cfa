"""The report complains of what makes an alignment one in name only, and of nothing else."""

import pytest

from gram_jax.pipeline.alignment_report import alignment_report, complaints

PAIRS = {"clicked_pairs": 10, "pairs_with_a_winner": 8, "share_with_a_winner": 0.8}
BEFORE = {"query_lead": 0.5, "product_lead": 1.0, "query_log_prob": -9.0,
          "product_log_prob": -2.0, "margin": 0.0}
AFTER = {"query_lead": 1.5, "product_lead": 1.6, "query_log_prob": -8.0,
         "product_log_prob": -1.5, "margin": 0.2}


def test_an_alignment_that_moves_both_sides_of_most_pairs_is_not_complained_of():
    report = alignment_report(PAIRS, BEFORE, AFTER)
    assert report["complaints"] == []
    assert report["gained"] == {"query_lead": 1.0, "product_lead": 0.6, "query_log_prob": 1.0,
                                "product_log_prob": 0.5, "margin": 0.2}
    assert report["pairs"] == PAIRS and report["before"] == BEFORE


@pytest.mark.parametrize(("pairs", "after", "words"), [
    ({"pairs_with_a_winner": 4, "share_with_a_winner": 0.4}, {}, "only 4 of 10 clicked pairs"),
    ({}, {"query_lead": 0.52}, "the query side has not moved"),
    ({}, {"product_lead": 0.9}, "the product side has not moved"),
    ({}, {"product_lead": 0.9, "query_lead": 0.4}, "winners gained nothing on losers"),
    ({}, {"query_log_prob": -9.5}, "less probable on the query side: mean ln p from -9.00"),
])
def test_what_is_wrong_is_said_with_its_remedy(pairs, after, words):
    (found,) = complaints(PAIRS | pairs, BEFORE, AFTER | after)
    assert words in found and ("ind " in found or "Raise" in found or "Train" in found)
