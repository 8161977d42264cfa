"""Right words are left as they are; slips find what the right word finds."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.attributes.normalize import value_words
from gram_jax.attributes.spelling import Spelling, SpellingSettings
from gram_jax.baselines.bm25 import BM25Retriever, product_text
from gram_jax.baselines.spelling_corrected import (
    SpellingCorrected,
    corrected_text,
    spelling_of_texts,
)
from gram_jax.core.records import Product, Query
from gram_jax.testing.tiny_catalog import tiny_shop

# No two of them are two slips apart.
WORDS = ("faucet", "bathroom", "refrigerator", "plastic", "dewalt", "hammer")
TITLES = [f"{one} {other}" for one in WORDS for other in WORDS if one != other]
PRODUCTS = [Product(f"p{place:02}", title) for place, title in enumerate(TITLES)]
BM25 = BM25Retriever(PRODUCTS)
SPELLING = spelling_of_texts(TITLES)
CORRECTED = SpellingCorrected(BM25, SPELLING)

queries = st.lists(st.one_of(
    st.sampled_from([*WORDS, "fauct", "bathrom", "12", 'in"', "3/4 in.", "x4", "de", "walt", "&",
                     "plasticbathroom", "Faucets", "кран", "zzzzzz"]),
    st.text("acefltu", max_size=8)), max_size=6).map(" ".join)


def answers(retriever, text, k=30):
    (found,) = retriever.retrieve([Query("q", text)], k=k)
    return found


@given(queries)
def test_the_list_is_that_of_the_corrected_text(text):
    assert answers(CORRECTED, text) == answers(BM25, corrected_text(text, SPELLING))


@given(queries)
def test_a_correction_reads_as_the_spelling_has_it(text):
    pieces = SPELLING.correct(value_words(text))
    right = [word for piece in pieces for word in piece.words]
    assert list(value_words(corrected_text(text, SPELLING))) == right


@given(st.lists(st.sampled_from([*WORDS, "Faucets", "3/4 in.", "12-Gauge", "dewalt's", "of", "&",
                                 '60"', "1,000", "x"]), max_size=6).map("  ".join))
def test_what_has_no_slip_is_handed_on_as_it_was_typed(text):
    assert corrected_text(text, SPELLING) == text


@given(st.sampled_from(WORDS), st.sampled_from(WORDS), st.data())
def test_one_slip_finds_what_the_right_word_finds(word, other, data):
    at = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from(string.ascii_lowercase))
    slip = data.draw(st.sampled_from([
        word[:at] + word[at + 1:], word[:at] + letter + word[at + 1:],
        word[:at] + letter + word[at:],
        word[:at] + word[at:at + 2][::-1] + word[at + 2:]]))
    assert answers(CORRECTED, f"{other} {slip}") == answers(BM25, f"{other} {word}")
    assert answers(CORRECTED, slip).product_ids


def test_words_beside_a_slip_stay_as_they_were_written():
    assert corrected_text("Hammers 12 inches bathrom", SPELLING) == "hammers 12 inches bathroom"
    assert corrected_text("plasticbathroom fauct", SPELLING) == "plasticbathroom faucet"
    common = Spelling({"plastic": 30, "bathroom": 30, "inlet": 30})
    assert corrected_text("Plasticbathroom", common) == "plastic bathroom"
    assert corrected_text("12 in let", common) == "12 inlet"


def test_ids_and_order_stay_and_queries_are_read_as_they_are_needed():
    asked = [Query("b", "fauct"), Query("a", ""), Query("c", "hammer")]
    seen = []

    def stream():
        for query in asked:
            seen.append(query.query_id)
            yield query

    found = CORRECTED.retrieve(stream(), k=1)
    assert next(found).query_id == "b" and seen == ["b"]
    assert [ranked.query_id for ranked in found] == ["a", "c"]


def test_no_word_of_a_product_and_no_frequent_word_of_shoppers_is_corrected():
    shop = tiny_shop()
    texts = [product_text(product) for product in shop.products]
    spelling = spelling_of_texts(texts, ["sneakr"] * 3 + ["nikee"] * 2,
                                 settings=SpellingSettings(min_target_products=1))
    for text in (*texts, "sneakr"):
        assert corrected_text(text, spelling) == text
    assert corrected_text("nikee sneakr", spelling) == "nike sneakr"


@pytest.mark.parametrize(("name", "expected"), [(None, "BM25 + spelling"), ("other", "other")])
def test_the_name_says_what_was_added(name, expected):
    assert SpellingCorrected(BM25, SPELLING, name=name).name == expected
