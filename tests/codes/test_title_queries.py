"""Words of titles by which nobody asked yet: where they come from and which are drawn."""

import collections

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.codes.title_queries import TitleWords
from gram_jax.text.normal_form import words

TITLES = ["Red steel faucet not included", "Blue steel hose (included)", "Red hose", ""]
titles = st.lists(st.lists(st.sampled_from(["red", "blue", "hose", "faucet", "steel"]), max_size=8)
                  .map(" ".join), max_size=6)


@given(titles, st.integers(0, 2**31))
def test_a_query_is_different_words_of_one_title_in_its_order(texts, seed):
    found = TitleWords.count(texts).draw(30, seed=seed)
    assert len(set(found)) == len(found)
    for query in found:
        typed = query.split(" ")
        assert len(set(typed)) == len(typed)
        assert any(_is_in_order(typed, list(dict.fromkeys(words(title)))) for title in texts)
    assert bool(found) == any(words(title) for title in texts)


def _is_in_order(typed, title):
    rest = iter(title)
    return all(word in rest for word in typed)


def test_rates_are_the_share_of_clicks_that_name_the_word():
    found = TitleWords.count(TITLES, [("steel faucet", [0, 1]), ("red faucet", [0])])
    rate = dict(zip(found.words, found.rates))
    # Words of clicked titles: 5 + 4 + 5; named: (faucet, steel), (steel), (red, faucet).
    mean, prior = 5 / 14, 10
    for word, named, could in (("steel", 2, 3), ("faucet", 2, 2), ("red", 1, 2),
                               ("included", 0, 3), ("hose", 0, 1)):
        assert rate[word] == pytest.approx((named + prior * mean) / (could + prior))


def test_words_that_are_asked_by_are_drawn_more_often():
    clicked = [("faucet", [0])] * 200
    found = TitleWords.count(TITLES, clicked)
    assert found.lengths.tolist() == [1, 0, 0, 0, 0, 0]
    first = collections.Counter(
        found.draw(1, seed=seed)[0] for seed in range(400))
    # Of title 0, a quarter of the draws and a third of those that can be drawn at all.
    assert first["faucet"] > 20 * first["not"] and first["faucet"] > 80


def test_without_clicks_all_words_are_asked_by_alike():
    found = TitleWords.count(TITLES)
    assert np.ptp(found.rates) == 0 and found.lengths.sum() == pytest.approx(1)


def test_the_same_seed_draws_the_same():
    found = TitleWords.count(TITLES)
    assert found.draw(9, seed=4) == found.draw(9, seed=4) != found.draw(9, seed=5)
