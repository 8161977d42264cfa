"""What is drawn to be learned: n-grams of clicked titles, more often those like the query."""

import collections

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz

from gram_jax.baselines.ngram_examples import (
    NgramSampling,
    ngram_examples,
    start_probabilities,
    title_examples,
)
from gram_jax.baselines.ngram_table import NgramTable
from gram_jax.core.clicks import ClickTable
from gram_jax.core.records import Click, Product, Query
from gram_jax.testing.tiny_catalog import tiny_shop
from gram_jax.text.normal_form import normalize_text
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary

MAX_TOKENS = 4
title_words = st.sampled_from(["Nike", "air", "for", "the", "faucet,", "24\"", "½", "Steel-grey",
                               "unbelievably", "ÉCLAIR"])
titles_of_words = st.lists(st.lists(title_words, max_size=7).map(" ".join), min_size=2, max_size=4)
query_texts = st.lists(st.sampled_from(["nike", "steel faucet", "  ", "éclair for the"]),
                       min_size=1, max_size=4)


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    shop, path = tiny_shop(), tmp_path_factory.mktemp("ngrams") / "vocabulary.model"
    texts = [*(product.title for product in shop.products), *(q.text for q in shop.queries)]
    train_vocabulary(texts * 3, vocab_size=420, path=path)
    return SentencePieceVocabulary.load(path)


def clicks_of(pairs, num_queries, num_products):
    return ClickTable.of_clicks([Click(f"q{q}", f"p{p}", weight) for q, p, weight in pairs],
                                [f"q{q}" for q in range(num_queries)],
                                [f"p{p}" for p in range(num_products)])


@given(titles_of_words, query_texts, st.data())
def test_what_is_drawn_stands_in_a_clicked_title_and_is_spelled_as_there(
        vocabulary, titles, texts, data):
    pairs = data.draw(st.lists(st.tuples(st.integers(0, len(texts) - 1), st.integers(0, 1),
                                         st.integers(1, 3)), max_size=6))
    sampling = NgramSampling(num_ngrams=3, max_products=1, max_tokens=MAX_TOKENS, seed=5)
    queries = [Query(f"q{number}", text) for number, text in enumerate(texts)]
    clicks = clicks_of(pairs, len(texts), len(titles))
    examples = list(ngram_examples(queries, clicks, titles, vocabulary, sampling))
    table = NgramTable.build(vocabulary.encode(titles), vocab_size=vocabulary.vocab_size,
                             max_tokens=MAX_TOKENS)
    for example in examples:
        number = int(example.example_id[1:])
        products, weights = clicks.of_row(number)
        most_clicked = int(products[np.argmax(weights)])
        assert example.text == texts[number] and 0 < len(example.codes) <= 3
        for code, spelled in zip(example.codes, vocabulary.encode(example.codes)):
            assert f" {code} " in f" {normalize_text(titles[most_clicked])} "
            assert 0 < len(spelled) <= MAX_TOKENS
            (start,), (end,) = table.ranges(np.array([spelled]))
            assert most_clicked in table.title_of[table.order[start:end]]
    assert len({example.example_id for example in examples}) == len(examples)


@given(st.lists(title_words.map(normalize_text), min_size=1, max_size=6),
       st.lists(title_words.map(normalize_text), min_size=1, max_size=6),
       st.sampled_from([0.3, 1.0, 4.0]))
def test_beginnings_are_drawn_by_the_softmax_of_their_likeness_to_the_query(
        query, title, temperature):
    found = start_probabilities(query, title, temperature=temperature)
    telling = [word not in ("for", "the") for word in title]
    exponentials = []
    for place, is_telling in enumerate(telling):
        overlap = sum(fuzz.ratio(" ".join(query[start:start + 3]),
                                 " ".join(title[place:place + 3])) / 100
                      for start in range(len(query)))
        counts = is_telling or not any(telling)
        exponentials.append(np.exp(overlap / temperature) if counts else 0.0)
    np.testing.assert_allclose(found, np.array(exponentials) / sum(exponentials), rtol=1e-9)


def test_ngrams_like_the_query_are_drawn_as_often_as_their_probability_says(vocabulary):
    title, query = "moen stainless sink with kitchen faucet in chrome", "kitchen faucet"
    sampling = NgramSampling(num_ngrams=4000, max_tokens=40)
    example, = ngram_examples([Query("q0", query)], clicks_of([(0, 0, 1)], 1, 1), [title],
                              vocabulary, sampling)
    drawn = collections.Counter(code.split()[0] for code in example.codes)
    words = title.split()
    expected = start_probabilities(query.split(), words)
    shares = np.array([drawn[word] for word in words]) / 4000
    np.testing.assert_allclose(shares, expected, atol=0.035)  # over 4 standard deviations
    assert drawn.most_common(1)[0][0] == "kitchen" and "with" not in drawn


def test_draws_depend_on_the_seed_and_not_on_other_queries(vocabulary):
    shop = tiny_shop()
    queries, titles = shop.queries_of("train"), [product.title for product in shop.products]
    clicks = ClickTable.of_clicks(shop.clicks, [query.query_id for query in queries],
                                  [product.product_id for product in shop.products])
    def drawn(queries, **settings):
        return list(ngram_examples(queries, clicks, titles, vocabulary, NgramSampling(**settings)))

    examples = drawn(queries)
    assert len(examples) == len(queries)
    assert drawn(queries[::-1]) == examples[::-1]
    assert drawn(queries, seed=1) != examples
    # Two clicked products of two make twenty draws; the more clicked one of two makes ten.
    assert len(examples[1].codes) == 20 and len(drawn(queries, max_products=1)[0].codes) == 10


def test_a_word_that_has_too_many_tokens_begins_no_ngram(vocabulary):
    long = "zqxjkvwpyzqxjkvwpy"
    assert len(vocabulary.encode([long])[0]) > MAX_TOKENS
    sampling = NgramSampling(max_tokens=MAX_TOKENS)
    clicks = clicks_of([(0, 0, 1)], 1, 1)
    queries = [Query("q0", "drill")]
    assert not list(ngram_examples(queries, clicks, [long], vocabulary, sampling))
    example, = ngram_examples(queries, clicks, [f"{long} drill"], vocabulary, sampling)
    assert set(example.codes) == {"drill"}


@given(titles_of_words, st.integers(0, 9))
def test_parts_of_a_title_teach_ngrams_that_begin_elsewhere_in_it(vocabulary, titles, seed):
    products = [Product(f"p{number}", title) for number, title in enumerate(titles)]
    sampling = NgramSampling(max_tokens=MAX_TOKENS, seed=seed)
    examples = list(title_examples(products, vocabulary, num_examples=2, sampling=sampling))
    assert len({example.example_id for example in examples}) == len(examples)
    for example in examples:
        title = normalize_text(titles[int(example.example_id[1:].split(":")[0])])
        ngram, = example.codes
        assert f" {ngram} " in f" {title} " and f" {example.text} " in f" {title} "
        assert len(vocabulary.encode([ngram])[0]) <= MAX_TOKENS
        assert 1 <= len(example.text.split()) <= 6
        if len(set(title.split())) == len(title.split()):
            assert ngram.split()[0] != example.text.split()[0]
        telling = set(title.split()) - {"for", "the"}
        assert ngram.split()[0] in telling or not telling


def test_titles_teach_so_many_parts_and_short_ones_none(vocabulary):
    products = [Product("p0", "red steel faucet"), Product("p1", "faucet"), Product("p2", "")]
    examples = list(title_examples(products, vocabulary, num_examples=40))
    assert [example.example_id for example in examples] == [f"p0:{i}" for i in range(40)]
    assert {example.text for example in examples} == {
        "red", "red steel", "red steel faucet", "steel", "steel faucet", "faucet"}
    assert {example.codes for example in examples} == {
        ("red steel faucet",), ("steel faucet",), ("faucet",)}
    assert list(title_examples(products[::-1], vocabulary, num_examples=40)) == examples


@pytest.mark.parametrize("changes", [{"num_ngrams": 0}, {"max_products": 0}, {"max_tokens": 0},
                                     {"temperature": 0.0}, {"seed": -1}])
def test_settings_out_of_range_are_refused(changes):
    with pytest.raises(ValueError, match="temperature"):
        NgramSampling(**changes)
