import math
import pickle
import subprocess
import sys
from collections import Counter

import bm25s
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gram_jax.baselines.bm25 import BM25Retriever, SnowballWords, product_text, tune_bm25
from gram_jax.core.records import Product, Query
from gram_jax.testing.tiny_catalog import tiny_shop

titles = st.lists(st.lists(st.sampled_from("abcdef"), max_size=6).map(" ".join), min_size=1,
                  max_size=8)


def catalogue(texts):
    return [Product(f"p{i}", text) for i, text in enumerate(texts)]


def formula(texts, query, k1, b):
    """BM25 as its formula reads, one word and product at a time."""
    products = [text.split() for text in texts]
    mean_length = sum(map(len, products)) / len(products) or 1.0
    scores = []
    for product in products:
        counts, score = Counter(product), 0.0
        for word in query.split():
            n = sum(word in other for other in products)
            if n:
                idf = math.log(1 + (len(products) - n + 0.5) / (n + 0.5))
                norm = k1 * (1 - b + b * len(product) / mean_length)
                score += idf * counts[word] / (counts[word] + norm) if counts[word] else 0.0
        scores.append(score)
    return scores


@settings(max_examples=40, deadline=None)
@given(titles, st.lists(st.sampled_from("abcdefg"), max_size=5).map(" ".join),
       st.sampled_from([(0.0, 0.0), (0.9, 0.4), (1.5, 1.0)]))
def test_scores_are_the_formula(texts, query, setting):
    k1, b = setting
    found = BM25Retriever(catalogue(texts), k1=k1, b=b).scores(query)
    np.testing.assert_allclose(found, formula(texts, query, k1, b), rtol=1e-5)


@pytest.mark.parametrize(("k1", "b"), [(0.4, 0.2), (1.2, 0.75)])
def test_scores_are_those_of_an_index_that_bm25s_builds(k1, b):
    shop = tiny_shop()
    split = SnowballWords()
    whole = bm25s.BM25(k1=k1, b=b)
    whole.index([split(product_text(product)) for product in shop.products], show_progress=False)
    retriever = BM25Retriever(shop.products).with_settings(k1=k1, b=b)
    for query in shop.queries:
        np.testing.assert_allclose(retriever.scores(query.text),
                                   whole.get_scores(split(query.text)), rtol=1e-5)


def test_lists_are_best_first_at_most_k_and_without_products_that_share_no_word():
    retriever = BM25Retriever(catalogue(["red shoe", "blue shoes", "sink", "SHOE"]))
    (found,) = retriever.retrieve([Query("q", "Shoe")], k=10)
    assert set(found.product_ids) == {"p0", "p1", "p3"}
    assert found.product_ids[0] == "p3"
    (found,) = retriever.retrieve([Query("q", "shoe")], k=1)
    assert found.product_ids == ("p3",)
    empty = list(retriever.retrieve([Query("a", ""), Query("b", "zzz")], k=5))
    assert [ranked.product_ids for ranked in empty] == [(), ()]


def test_an_attribute_value_counts_once_and_is_found():
    product = Product("p", "shoe", {"brand": ("Nike",), "maker": ("Nike",), "color": ("red",)})
    assert product_text(product) == "shoe Nike red"


def test_a_catalogue_without_words_answers_nothing():
    for products in ([], catalogue([""])):
        (found,) = BM25Retriever(products).retrieve([Query("q", "shoe")], k=3)
        assert found.product_ids == ()


@pytest.mark.parametrize("setting", [{"k1": -1.0, "b": 0.5}, {"k1": 1.0, "b": 1.5}])
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(ValueError, match="k1="):
        BM25Retriever(catalogue(["shoe"]), **setting)


def test_tuning_takes_the_setting_with_the_best_figures():
    # Two products share the word; only without length normalisation does the longer, relevant
    # one win by its repeat.
    texts = ["shoe red", "shoe shoe " + "very long tail of words about nothing"] + ["x"] * 150
    tuning = tune_bm25(catalogue(texts), [Query("q", "shoe")], {"q": {"p1": 3}},
                       k1_grid=(1.2,), b_grid=(0.0, 1.0))
    assert (tuning.retriever.k1, tuning.retriever.b) == (1.2, 0.0)
    assert tuning.figures[1.2, 0.0]["ndcg@10"] > tuning.figures[1.2, 1.0]["ndcg@10"]


def test_tuned_on_the_tiny_shop_it_finds_what_shares_words():
    shop = tiny_shop()
    tuning = tune_bm25(shop.products, shop.queries_of("tune"), shop.qrels("tune"))
    assert len(tuning.figures) == 16
    assert max(figures["recall@100"] for figures in tuning.figures.values()) == 1.0


def test_importing_the_module_runs_no_jax_computation():
    code = "import sys, gram_jax.baselines.bm25; sys.exit('bm25s' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_another_process_gets_the_same_retriever():
    products = tiny_shop().products
    bm25 = BM25Retriever(products, k1=1.1, b=0.3)
    again = pickle.loads(pickle.dumps(bm25))
    for product in products:
        np.testing.assert_array_equal(bm25.scores(product.title), again.scores(product.title))
