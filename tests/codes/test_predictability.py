"""What the text of a query promises: mentions, words learned from other queries, never itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.codes.predictability import click_shares, naming_rates, predict_values
from gram_jax.testing.posting_rows import clicks_of, matrix_of, values_of

_PRODUCT_VALUES = [(0, 1), (0, 2), (1,), ()]
_WORDS = "xyz"
_PRIOR = 2.0


def _predict(words, own, clicked):
    shares = click_shares(clicks_of(clicked), values_of(_PRODUCT_VALUES, 3))
    word_rows = [{_WORDS.index(word): 1.0 for word in row} for row in words]
    predicted = predict_values(matrix_of(word_rows, len(_WORDS)),
                               matrix_of([dict.fromkeys(row, 1.0) for row in own], 3), shares)
    assert (predicted.indices == shares.indices).all()
    return predicted, shares


def _rows(matrix):
    dense = matrix.toarray()
    return [{value: dense[row, value] for value in range(3) if dense[row, value]}
            for row in range(len(dense))]


def _plain_reading(words, own, clicked):
    """The definition, query by query."""
    def share(query, value):
        held = sum(weight for product, weight in clicked[query].items()
                   if value in _PRODUCT_VALUES[product])
        return held / sum(clicked[query].values())

    rows = []
    for query in range(len(words)):
        row = {}
        for value in range(3) if clicked[query] else ():
            others = [[other for other in range(len(words)) if other != query
                       and clicked[other] and word in words[other]] for word in words[query]]
            best = max([sum(share(other, value) for other in group) / (len(group) + _PRIOR)
                        for group in others if group], default=0.0)
            if share(query, value):
                row[value] = 1.0 if value in own[query] else best
        rows.append({value: sure for value, sure in row.items() if sure})
    return rows


def test_a_mention_is_certain_and_a_word_promises_what_other_queries_wanted():
    predicted, _ = _predict(["x", "xy", "z"], [(), (1,), ()],
                            [{0: 3.0, 1: 1.0}, {0: 1.0}, {2: 1.0}])
    assert _rows(predicted)[0] == pytest.approx({0: 1 / 3, 1: 1 / 3})  # b's over 1 + prior 2
    assert _rows(predicted)[1:] == [pytest.approx({0: 1 / 3, 1: 1.0}), {}]


@given(st.lists(st.tuples(
    st.sets(st.sampled_from(_WORDS)), st.sets(st.integers(0, 2)),
    st.dictionaries(st.integers(0, 3), st.sampled_from([1.0, 2.0]))), max_size=5))
def test_certainties_are_the_plain_reading_and_rates_are_probabilities(queries):
    words, own, clicked = ([query[at] for query in queries] for at in range(3))
    predicted, shares = _predict(words, own, clicked)
    for found, expected in zip(_rows(predicted), _plain_reading(words, own, clicked), strict=True):
        assert found == pytest.approx(expected)
    rates = naming_rates(predicted, shares)
    assert rates.shape == (3,) and ((rates > 0) & (rates <= 1)).all()


@given(st.lists(st.dictionaries(st.integers(0, 3), st.sampled_from([1.0, 2.0, 5.0])), max_size=4))
def test_shares_are_parts_of_a_querys_clicks(clicked):
    dense = click_shares(clicks_of(clicked), values_of(_PRODUCT_VALUES, 3)).toarray()
    for row, weights in zip(dense, clicked, strict=True):
        for value in range(3):
            held = sum(weight for product, weight in weights.items()
                       if value in _PRODUCT_VALUES[product])
            assert row[value] == pytest.approx(held / max(sum(weights.values()), 1e-9))
    assert np.isfinite(dense).all()
