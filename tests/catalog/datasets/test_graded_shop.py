"""The rules that make a shop of graded queries hold for any of them."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.catalog.datasets.graded_shop import (
    GradeBook,
    GradedQuery,
    graded_shop,
    split_graded,
)
from gram_jax.catalog.shop import read_shop, write_shop
from gram_jax.catalog.splits import query_key
from gram_jax.catalog.validation import BadRow
from gram_jax.core.records import Product

queries = st.lists(
    st.builds(GradedQuery, query_id=st.uuids().map(str),
              text=st.sampled_from(["Red shoe", "red  shoe", "sofa", "bed", "lamp", "rug"]),
              is_test=st.booleans(),
              grades=st.dictionaries(st.sampled_from("abcde"), st.integers(0, 3), max_size=5)),
    max_size=12, unique_by=lambda query: query.query_id)


class Source:
    def __init__(self, graded):
        self.graded = graded

    def products(self, bad_rows):
        yield from (Product(name, f"title {name}") for name in "abcde")

    def graded_queries(self, product_ids, bad_rows):
        assert product_ids == set("abcde")
        return self.graded


@given(queries, st.integers(0, 4))
def test_the_rules(graded, tune_queries):
    shop = graded_shop(Source(graded), tune_queries=tune_queries, salt="s", on_bad_rows="refuse")
    by_id = {query.query_id: query for query in graded}
    test_texts = {query_key(query.text) for query in shop.queries_of("test")}
    for query in shop.queries:
        grades, split = by_id[query.query_id].grades, shop.splits[query.query_id]
        relevant = {name for name, grade in grades.items() if grade >= 2}
        assert relevant and by_id[query.query_id].is_test == (split == "test")
        assert split == "test" or query_key(query.text) not in test_texts
        clicked = {click.product_id for click in shop.clicks if click.query_id == query.query_id}
        assert clicked == (set() if split == "test" else relevant)
        assert shop.qrels(split).get(query.query_id, {}) == ({} if split == "train" else grades)
    tune = {query_key(query.text) for query in shop.queries_of("tune")}
    train = {query_key(query.text) for query in shop.queries_of("train")}
    assert len(tune) == min(tune_queries, len(tune | train)) and not tune & train
    kept = sum(len(by_id[query.query_id].grades) for query in shop.queries)
    assert kept + sum(shop.dropped_rows.values()) == sum(len(query.grades) for query in graded)


def test_a_shop_without_any_query_is_a_shop(tmp_path):
    shop = graded_shop(Source([]), tune_queries=3, salt="", on_bad_rows="refuse")
    write_shop(shop, tmp_path / "shop")
    again = read_shop(tmp_path / "shop")
    assert again.counts() == shop.counts() and len(again.products) == 5
    assert again.counts()["clicks"] == again.counts()["judgments"] == 0
    assert again.qrels("test") == {} and list(again.clicks_of("train")) == []


def test_more_test_queries_change_no_training_split():
    graded = [GradedQuery(str(i), f"query {i}", False, {"a": 3}) for i in range(50)]
    parts = split_graded(graded, tune_queries=10, salt="s", dropped=Counter())
    more = split_graded([*graded, GradedQuery("t", "other", True, {"a": 3})], tune_queries=10,
                        salt="s", dropped=Counter())
    assert parts.splits.items() <= more.splits.items()


def test_rows_that_contradict_each_other_are_bad():
    book = GradeBook({"a", "b"})
    book.enter("q", "red shoe", "a", 3, is_test=False)
    book.enter("q", "red shoe", "a", 3, is_test=False)
    for change in ({"text": "blue shoe"}, {"is_test": True}, {"grade": 2}, {"product_id": "z"}):
        row = {"query_id": "q", "text": "red shoe", "product_id": "a", "grade": 3,
               "is_test": False} | change
        with pytest.raises(BadRow):
            book.enter(**row)
    assert book.queries() == [GradedQuery("q", "red shoe", False, {"a": 3})]
