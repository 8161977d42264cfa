"""What the text of a query promises: mentions, words learned from other queries, never itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.codes.predictability import naming_rates, predict_values

_PRODUCT_VALUES = [(0, 1), (0, 2), (1,), ()]


def test_a_mention_is_certain_and_a_word_promises_what_other_queries_wanted():
    predicted = predict_values(
        {"a": ["sneaker"], "b": ["sneaker", "red"], "c": ["box"]}, {"a": (), "b": (1,), "c": ()},
        {"a": {0: 3.0, 1: 1.0}, "b": {0: 1.0}, "c": {2: 1.0}}, _PRODUCT_VALUES)
    assert predicted["a"] == pytest.approx({0: 1 / 3, 1: 1 / 3})  # b's clicks over 1 + prior 2
    assert predicted["b"] == pytest.approx({0: 1 / 3, 1: 1.0})
    assert predicted["c"] == {}


@given(st.dictionaries(
    st.sampled_from("abcd"), st.tuples(
        st.sets(st.sampled_from(["x", "y", "z"])), st.sets(st.integers(0, 2)),
        st.dictionaries(st.integers(0, 3), st.sampled_from([1.0, 2.0]), min_size=1)), max_size=4))
def test_certainties_and_rates_are_probabilities_that_leave_the_query_out(queries):
    words = {query: sorted(row[0]) for query, row in queries.items()}
    own = {query: sorted(row[1]) for query, row in queries.items()}
    clicked = {query: row[2] for query, row in queries.items()}
    predicted = predict_values(words, own, clicked, _PRODUCT_VALUES)
    for query, (_, values, weights) in queries.items():
        held = {value for product in weights for value in _PRODUCT_VALUES[product]}
        assert set(predicted[query]) <= held
        assert all(0 < sure <= 1 for sure in predicted[query].values())
        assert all(predicted[query][value] == 1 for value in values & held)
        others = {word for other in queries if other != query for word in words[other]}
        alone = not others & set(words[query])
        assert not alone or set(predicted[query]) == values & held
    rates = naming_rates(predicted, clicked, _PRODUCT_VALUES, 3)
    assert rates.shape == (3,) and ((rates > 0) & (rates <= 1)).all()
