import dataclasses

import numpy as np
import pytest

from gram_jax.evaluation.comparison.compare import MethodCosts
from gram_jax.evaluation.comparison.wording import (
    compact,
    cost_cells,
    explanation,
    findings,
    legend,
    mark,
    p_text,
    protocol,
)


def test_a_mark_needs_a_corrected_p_value_and_follows_the_difference(comparison):
    for method in range(5):
        for measure in range(len(comparison.measures)):
            off = comparison.means[method, measure] - comparison.means[0, measure]
            sure = method > 0 and comparison.corrected[method, 0, measure] < 0.05
            assert mark(comparison, method, measure) == (
                "" if not sure else "▲" if off > 0 else "▼")
    assert {mark(comparison, method, 3) for method in range(5)} == {"", "▲", "▼"}
    assert "10 pairs" in legend(comparison)


def test_findings_name_the_best_and_everyone_whom_luck_could_set_beside_it(comparison):
    sentences = findings(comparison)
    for measure, sentence in zip(("ndcg@10", "recall@10", "recall@300"), sentences, strict=True):
        place = comparison.place(measure)
        best = int(comparison.means[:, place].argmax())
        assert sentence.startswith(f"{comparison.methods[best]} has the highest {measure}: "
                                   f"{comparison.means[best, place]:.3f}")
        lead = sentence.partition("; ")[2]
        for other, name in enumerate(comparison.methods):
            if other != best:
                assert (name in lead) == (comparison.corrected[best, other, place] >= 0.05)


def test_one_method_alone_is_best_of_nothing(comparison):
    alone = dataclasses.replace(comparison, methods=("BM25",))
    assert findings(alone) == []


def test_costs_are_shown_where_they_are_known(comparison):
    assert cost_cells(comparison, 3)[1:] == ["1.23%", "22.0", "1,400", "48.5"]
    assert cost_cells(comparison, 4)[1:] == ["-"] * 4
    unknown = dataclasses.replace(comparison, costs=(MethodCosts(),) * 5)
    assert cost_cells(unknown, 3)[0] == f"{np.round(comparison.num_products[3], 1)}"


@pytest.mark.parametrize("value, text", [
    (None, "-"), (0.0, "0"), (0.1234, "0.123"), (4.567, "4.57"), (78.91, "78.9"),
    (1234.5, "1,234"), (0.00123, "0.00123"), (99.99, "100.0"),
])
def test_numbers_have_three_digits_that_count(value, text):
    assert compact(value) == text


def test_p_values_read_as_people_write_them():
    assert (p_text(0.0001), p_text(0.0123), p_text(1.0)) == ("< 0.001", "0.012", "1.000")


def test_measures_are_explained_by_what_they_compute(comparison):
    assert explanation(comparison, "recall@100").endswith("among the first 100")
    own = dataclasses.replace(comparison, measures={
        "ndcg@10": "nDCG(gains={3:100,2:10,1:1,0:0})@10", "map": "AP(rel=2)"})
    assert explanation(own, "ndcg@10") == "nDCG(gains={3:100,2:10,1:1,0:0})@10"
    assert explanation(own, "map") == "AP(rel=2)"


def test_the_protocol_says_what_was_drawn(comparison):
    text = " ".join(protocol(comparison))
    for part in ("150 queries", "10,000 random swaps", "2,000 draws", "1,000 on slices", "Seed 0"):
        assert part in text
