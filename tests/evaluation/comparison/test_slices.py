import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from gram_jax.evaluation.comparison.slices import (
    by_attributes,
    by_demand,
    by_length,
    by_shared_words,
    by_spelling,
    mistyped_words,
    words_of_titles,
)
from gram_jax.text.normal_form import words


def slices_of(family, at):
    return {name for name, members in zip(family.slices, family.members) if members[at]}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=30))
def test_demand_parts_the_queries_and_never_parts_equals(counts):
    ids = [str(at) for at in range(len(counts))]
    family = by_demand(ids, dict(zip(ids, counts)))
    assert (family.members.sum(axis=0) == 1).all()
    place = family.members.argmax(axis=0)
    for one, first in enumerate(counts):
        for other, second in enumerate(counts):
            if first == second:
                assert place[one] == place[other]
            if first > second:
                assert place[one] <= place[other]
    assert all(place[at] == 2 for at, count in enumerate(counts) if count == 0)


def test_head_torso_and_tail_have_a_third_of_the_clicks_each():
    counts = {"a": 300, **{f"b{at}": 30 for at in range(10)},
              **{f"c{at}": 3 for at in range(100)}}
    family = by_demand(list(counts), counts)
    assert family.members.sum(axis=1).tolist() == [1, 10, 100]
    assert slices_of(by_demand(["x"], {}), 0) == {"tail"}


def test_length_is_in_words():
    family = by_length(["drill", "red drill", "12ft drill", "a b c d", "a b c d e", "a b c d e f"])
    assert [slices_of(family, at) for at in range(6)] == [
        {"1 word"}, {"2 words"}, {"3 words"}, {"4 words"}, {"5 words or more"}, {"5 words or more"}]


def test_typos_are_told_from_words_that_the_catalogue_does_not_have():
    known = words_of_titles(["Cordless drill 18v", "Kitchen sink"])
    family = by_spelling(["drill", "cordles drill", "kithcen sink", "zebra", "drlil zebra", "sonk"],
                         known)
    assert [slices_of(family, at).pop() for at in range(6)] == [
        "all words known", "with a typo", "with a typo", "with an unknown word", "with a typo",
        "with a typo"]


@settings(max_examples=60, deadline=None)
@given(st.sets(st.text("abc", min_size=1, max_size=8), max_size=8),
       st.sets(st.text("abc1", min_size=1, max_size=8), max_size=8))
def test_a_mistyped_word_is_few_edits_from_a_known_one(strange, known):
    expected = {word for word in strange if len(word) >= 4 and any(
        other.isalpha() and OSA.distance(word, other) <= (1 if len(word) <= 5 else 2)
        for other in known)}
    assert mistyped_words(strange, known) == expected


def test_slices_of_attributes_overlap():
    family = by_attributes(["a", "b", "c", "d"], {
        "a": {"brand", "category"}, "b": {"color"}, "c": {"brand", "color"}})
    assert family.overlapping
    assert [slices_of(family, at) for at in range(4)] == [
        {"names a brand", "names a category"}, {"names another attribute"},
        {"names a brand", "names another attribute"}, {"names none"}]
    assert by_attributes([], {}).members.shape == (4, 0)


@pytest.mark.parametrize("text, expected", [
    ("sofa", "no word in a relevant title"), ("red sneaker", "some words"),
    ("Red SHOE", "all words in one title"), ("lamp", "no word in a relevant title"),
    ("red blue", "some words"),
])
def test_words_are_looked_for_in_relevant_titles_only(text, expected):
    qrels = {"q": {"shoe": 3, "blue": 2, "lamp": 1, "gone": 2}}
    titles = {"shoe": "A red shoe", "blue": "Blue shoe", "lamp": "Lamp, sofa"}
    assert slices_of(by_shared_words(["q"], [text], qrels, titles), 0) == {expected}


def test_every_family_but_attributes_parts_the_queries():
    texts = ["", "red drill", "nothing known here at all", "?"]
    ids = list("abcd")
    qrels = {query_id: {"p": 2} for query_id in ids}
    for family in (by_demand(ids, {}), by_length(texts), by_spelling(texts, {"red"}),
                   by_shared_words(ids, texts, qrels, {"p": "red"})):
        assert not family.overlapping
        np.testing.assert_array_equal(family.members.sum(axis=0), 1)


@given(st.lists(st.text(max_size=6), max_size=6))
def test_the_words_of_a_catalogue_are_those_of_its_titles(titles):
    assert words_of_titles(titles) == {word for title in titles for word in words(title)}
