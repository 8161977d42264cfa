"""Neighbors: by words BM25's, by a sentence encoder those of the largest cosine, fused by rank."""

import contextlib
import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.baselines.bm25 import BM25Retriever
from gram_jax.codes.examples import product_text
from gram_jax.core.parallel import map_here
from gram_jax.core.records import Query
from gram_jax.interop.bert import bert_encoder, bert_vocabulary
from gram_jax.models.params import bind, init_params, replace_params
from gram_jax.models.text_embedding import sentence_embeddings
from gram_jax.pipeline.text_neighbors import (
    NONE,
    bm25_neighbors,
    fused_neighbors,
    sentence_neighbors,
)
from gram_jax.testing.tiny_bert import tiny_bert_config, write_tiny_bert
from gram_jax.testing.tiny_catalog import tiny_shop
from gram_jax.text.encoding import encode_inputs
from gram_jax.text.wordpiece import WordPieceVocabulary

SHOP = tiny_shop()
TEXTS = ["red shoe", "zzz", SHOP.products[0].title]


def test_neighbors_by_words_are_those_of_bm25():
    found = bm25_neighbors(SHOP.products, TEXTS, k=5)
    assert found.shape == (3, 5) and found.dtype == np.int32
    ranked = BM25Retriever(SHOP.products).retrieve([Query(text, text) for text in TEXTS], k=5)
    for row, products in zip(found, ranked):
        there = row[row != NONE]
        assert tuple(SHOP.product_ids[place] for place in there) == products.product_ids
        assert (row[len(there):] == NONE).all()


def test_no_texts_have_no_neighbors():
    assert bm25_neighbors(SHOP.products, [], k=5).shape == (0, 5)


def test_neighbors_by_a_sentence_encoder_have_the_largest_cosines(tmp_path):
    pytest.importorskip("tokenizers", reason="needs the extra 'pretrained'")
    pytest.importorskip("safetensors", reason="needs the extra 'pretrained'")
    write_tiny_bert(tmp_path)
    parts = {"vocabulary": functools.partial(bert_vocabulary, folder=tmp_path),
             "initial_params": functools.partial(bert_encoder, folder=tmp_path),
             "model": lambda **sizes: tiny_bert_config(**sizes)}
    found = sentence_neighbors(SHOP.products, TEXTS, k=4, max_length=20, **parts)

    vocabulary = WordPieceVocabulary(parts["vocabulary"](()))
    config = tiny_bert_config(vocab_size=vocabulary.vocab_size,
                              output_vocab_size=vocabulary.output_vocab_size)
    params = replace_params(init_params(config, 0), parts["initial_params"](config, vocabulary))

    def embed(text):
        tokens = encode_inputs(vocabulary, [text], 20)
        return np.asarray(sentence_embeddings(bind(config, params).encode(tokens), tokens))[0]

    catalog = np.stack([embed(product_text(product)) for product in SHOP.products])
    for text, row in zip(TEXTS, found):
        cosines = catalog @ embed(text)
        # Embeddings are kept in float16.
        np.testing.assert_allclose(cosines[row], np.sort(cosines)[::-1][:4], atol=2e-3)


lists = st.lists(st.permutations(range(6)).map(lambda order: order[:4]), min_size=1, max_size=3)


@given(lists, st.integers(1, 8), st.floats(0.5, 60))
def test_fused_neighbors_are_those_of_the_largest_sum_of_reciprocal_ranks(found, k, constant):
    parts = [lambda products, texts, *, k, row=row: np.array([row + [NONE] * 6][:1])[:, :k]
             for row in found]
    fused = fused_neighbors(SHOP.products, ["any"], k=k, parts=parts, depth=5, constant=constant)
    sums = {place: sum(1 / (constant + row.index(place)) for row in found if place in row)
            for row in found for place in row}
    best = sorted(sums.values(), reverse=True)[:k]
    (row,) = fused.tolist()
    there = [place for place in row if place != NONE]
    np.testing.assert_allclose([sums[place] for place in there], best)
    assert row[len(there):] == [NONE] * (k - len(there)) and len(set(there)) == len(there)


def test_where_shards_are_worked_on_changes_nothing():
    here = bm25_neighbors(SHOP.products, TEXTS, k=3,
                          map_shards=lambda: contextlib.nullcontext(map_here))
    np.testing.assert_array_equal(here, bm25_neighbors(SHOP.products, TEXTS, k=3))
