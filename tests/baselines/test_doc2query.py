"""Queries behind a product's text count as words of it, and nothing else changes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.baselines.bm25 import BM25Retriever, product_text, tune_bm25
from gram_jax.baselines.doc2query import (
    expanded_text,
    read_generated_queries,
    write_generated_queries,
)
from gram_jax.core.errors import ArtifactError
from gram_jax.core.records import Product, Query
from gram_jax.testing.tiny_catalog import tiny_shop

texts = st.lists(st.sampled_from("abcdef"), max_size=5).map(" ".join)
catalogues = st.lists(st.tuples(texts, st.lists(texts, max_size=3)), min_size=1, max_size=6)


def lists(retriever, *asked):
    return [(found.product_ids, found.scores) for found in retriever.retrieve(
        [Query(text, text) for text in asked], k=10)]


@given(catalogues, texts)
def test_it_is_bm25_over_titles_with_the_queries_written_out(rows, query):
    products = [Product(f"p{place}", title) for place, (title, _) in enumerate(rows)]
    queries = {f"p{place}": asked for place, (_, asked) in enumerate(rows)}
    written_out = [Product(f"p{place}", " ".join([title, *asked]))
                   for place, (title, asked) in enumerate(rows)]
    expanded = BM25Retriever(products, text_of=expanded_text(queries), k1=1.1, b=0.6)
    assert lists(expanded, query) == lists(BM25Retriever(written_out, k1=1.1, b=0.6), query)


def test_without_queries_it_is_bm25():
    shop = tiny_shop()
    asked = [query.text for query in shop.queries]
    some = {"p01": ()}
    assert lists(BM25Retriever(shop.products, text_of=expanded_text(some)), *asked) == lists(
        BM25Retriever(shop.products), *asked)
    assert [expanded_text({})(product) for product in shop.products] == [
        product_text(product) for product in shop.products]


def test_a_word_that_only_shoppers_use_is_found_and_repeats_count():
    products = [Product("p1", "running shoe"), Product("p2", "running shoe"), Product("p3", "sink")]
    queries = {"p1": ("red sneaker",), "p2": ("red sneaker", "red sneaker")}
    found = BM25Retriever(products, text_of=expanded_text(queries), b=0.0)
    assert lists(BM25Retriever(products), "sneaker") == [((), ())]
    ((product_ids, scores),) = lists(found, "sneaker")
    assert product_ids == ("p2", "p1") and scores[0] > scores[1]


def test_it_is_tuned_over_the_expanded_texts():
    shop = tiny_shop()
    tune = shop.queries_of("tune")
    queries = {"p12": [query.text for query in tune]}
    tuning = tune_bm25(shop.products, tune, {query.query_id: {"p12": 3} for query in tune},
                       text_of=expanded_text(queries), name="DocT5Query",
                       k1_grid=(0.8,), b_grid=(0.4,))
    assert tuning.retriever.name == "DocT5Query"
    assert tuning.figures[0.8, 0.4]["recall@100"] == 1.0


@settings(max_examples=15)
@given(st.dictionaries(st.text(min_size=1), st.lists(st.text(), max_size=3).map(tuple)))
def test_a_file_gives_back_what_was_written(tmp_path_factory, queries):
    path = tmp_path_factory.mktemp("queries") / "queries.jsonl"
    write_generated_queries(path, queries)
    assert read_generated_queries(path) == queries


@pytest.mark.parametrize("content", [None, "{", '{"product_id": "p"}', '{"product_id": 1, '
                                     '"queries": []}', '{"product_id": "p", "queries": [1]}'])
def test_a_missing_or_damaged_file_says_what_to_do(tmp_path, content):
    path = tmp_path / "queries.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ArtifactError, match="generate them again"):
        read_generated_queries(path)
