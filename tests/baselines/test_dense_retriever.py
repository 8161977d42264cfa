"""Lists are a sort of inner products, and the same from a file."""

import json

import numpy as np
import pytest

from gram_jax.baselines.dense_retriever import DenseRetriever
from gram_jax.baselines.dual_encoder import DualEncoder
from gram_jax.core.errors import ArtifactError
from gram_jax.core.records import Query
from gram_jax.retrieval.approximate_search import GraphSettings
from gram_jax.testing.tiny_model import tiny_config, tiny_params


@pytest.fixture(scope="module")
def encoder(learnable):
    config = tiny_config(learnable.vocabulary.vocab_size)
    return DualEncoder(config=config, params=tiny_params(config), vocabulary=learnable.vocabulary,
                       batch_size=8)


def build(encoder, learnable, **settings):
    return DenseRetriever.build(encoder, learnable.shop.product_ids, learnable.product_texts,
                                batch_size=4, **settings)


def test_lists_are_the_nearest_products_best_first(encoder, learnable):
    queries = learnable.queries
    ranked = list(build(encoder, learnable).retrieve(iter(queries), k=5))
    assert [found.query_id for found in ranked] == [query.query_id for query in queries]
    products = encoder.embed_products(learnable.product_texts).astype(np.float64)
    asked = encoder.embed_queries(learnable.query_texts)
    for vector, found in zip(asked, ranked):
        scores = products @ vector
        places = [learnable.shop.product_ids.index(product_id) for product_id in found.product_ids]
        assert len(places) == 5
        np.testing.assert_allclose(found.scores, scores[places], atol=1e-5)
        np.testing.assert_allclose(found.scores, np.sort(scores)[::-1][:5], atol=1e-5)


def test_a_list_ends_where_the_catalogue_does_and_no_text_finds_nothing(encoder, learnable):
    retriever = build(encoder, learnable)
    everything, nothing = retriever.retrieve([Query("a", "sink"), Query("b", " \t")], k=100)
    assert set(everything.product_ids) == set(learnable.shop.product_ids)
    assert nothing.product_ids == () and nothing.query_id == "b"
    assert list(retriever.retrieve([], k=3)) == []


def test_a_saved_retriever_answers_the_same_and_holds_no_pickle(encoder, learnable, tmp_path):
    retriever = build(encoder, learnable, name="MiniLM")
    retriever.save(tmp_path / "dense")
    loaded = DenseRetriever.load(tmp_path / "dense")
    assert loaded.name == "MiniLM"
    assert list(loaded.retrieve(learnable.queries, k=7)) == list(
        retriever.retrieve(learnable.queries, k=7))
    kinds = {path.suffix for path in (tmp_path / "dense").rglob("*") if path.is_file()}
    assert kinds == {".npy", ".npz", ".json", ".model"}


def test_a_retriever_with_a_graph_is_saved_with_it(encoder, learnable, tmp_path):
    pytest.importorskip("usearch.index", reason="needs the extra 'ann': pip install gram-jax[ann]")
    retriever = build(encoder, learnable, exact_up_to=3, graph=GraphSettings(threads=1))
    retriever.save(tmp_path)
    assert (tmp_path / "graph.usearch").exists()
    answers = list(DenseRetriever.load(tmp_path).retrieve(learnable.queries, k=4))
    exact = list(build(encoder, learnable).retrieve(learnable.queries, k=4))
    for found, kept, expected in zip(answers, retriever.retrieve(learnable.queries, k=4), exact):
        assert found == kept
        assert found.product_ids == expected.product_ids  # so few are all seen
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)


def test_damage_and_misfits_are_named(encoder, learnable, tmp_path):
    with pytest.raises(ArtifactError, match="index with the dual encoder again"):
        DenseRetriever.load(tmp_path)
    build(encoder, learnable).save(tmp_path)
    row = json.loads((tmp_path / "dense.json").read_text())
    row["product_ids"].pop()
    (tmp_path / "dense.json").write_text(json.dumps(row))
    with pytest.raises(ArtifactError, match="12 vectors of 11 products"):
        DenseRetriever.load(tmp_path)
    with pytest.raises(ValueError, match="2 vectors for 1 products"):
        DenseRetriever(encoder, np.zeros((2, 16), np.float16), ["p"])
