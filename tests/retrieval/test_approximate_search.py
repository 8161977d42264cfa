"""A walked graph finds most of what exact search finds, and scores it the same."""

import sys

import numpy as np
import pytest

from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.retrieval.approximate_search import (
    ApproximateSearch,
    GraphSettings,
    vector_search,
)
from gram_jax.retrieval.exact_search import NONE, ExactSearch

ONE_THREAD = GraphSettings(threads=1)
FEW = GraphSettings(connectivity=16, expansion_add=64, expansion_search=64, threads=1)


@pytest.fixture
def usearch():
    """Skips where the extra is missing."""
    pytest.importorskip("usearch.index", reason="needs the extra 'ann': pip install gram-jax[ann]")


def unit_vectors(seed, num, size=16):
    found = np.random.default_rng(seed).normal(size=(num, size))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float16)


def test_where_the_walk_sees_all_it_is_exact(usearch):
    stored, vectors = unit_vectors(0, 200), unit_vectors(1, 17).astype(np.float32)
    found = ApproximateSearch(stored, settings=ONE_THREAD).search(vectors, k=20)
    expected = ExactSearch(stored).search(vectors, k=20)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-5, atol=1e-6)


def test_most_of_the_best_are_found_and_scored_as_exact_search_scores_them(usearch):
    stored, vectors = unit_vectors(2, 4000), unit_vectors(3, 40).astype(np.float32)
    places, scores = ApproximateSearch(stored, settings=FEW).search(vectors, k=10)
    expected, _ = ExactSearch(stored).search(vectors, k=10)
    shared = [len(set(row) & set(other)) for row, other in zip(places, expected)]
    assert np.mean(shared) / 10 > 0.9
    inner = np.einsum("nkd,nd->nk", stored[places].astype(np.float32), vectors)
    np.testing.assert_allclose(scores, inner, rtol=1e-5, atol=1e-6)
    assert (np.diff(scores, axis=1) <= 0).all()
    assert all(len(set(row)) == 10 for row in places.tolist())


@pytest.mark.parametrize("num_queries", [1, 3])
def test_more_asked_for_than_there_are(usearch, num_queries):
    stored = unit_vectors(4, 5)
    search = ApproximateSearch(stored, settings=ONE_THREAD)
    places, scores = search.search(stored[:num_queries].astype(np.float32), k=8)
    assert (np.sort(places[:, :5]) == np.arange(5)).all() and (places[:, 5:] == NONE).all()
    assert places[0, 0] == 0 and np.isneginf(scores[:, 5:]).all()
    empty = ApproximateSearch(stored[:0], settings=ONE_THREAD)
    assert (empty.search(stored.astype(np.float32), k=2)[0] == NONE).all()


def test_a_saved_graph_answers_the_same(usearch, tmp_path):
    stored, vectors = unit_vectors(5, 500), unit_vectors(6, 5).astype(np.float32)
    built = ApproximateSearch(stored, settings=FEW)
    built.save(tmp_path / "graph")
    loaded = ApproximateSearch(stored, settings=FEW, path=tmp_path / "graph")
    for one, other in zip(built.search(vectors, k=7), loaded.search(vectors, k=7)):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ArtifactError, match="not over 499 of 16"):
        ApproximateSearch(stored[:-1], settings=FEW, path=tmp_path / "graph")
    (tmp_path / "graph").write_bytes(b"damaged")
    for name in ("graph", "missing"):
        with pytest.raises(ArtifactError, match="build it again"):
            ApproximateSearch(stored, settings=FEW, path=tmp_path / name)


def test_up_to_a_bound_search_is_exact_and_behind_it_by_a_graph(usearch):
    stored = unit_vectors(7, 20)
    assert isinstance(vector_search(stored, exact_up_to=20), ExactSearch)
    assert isinstance(vector_search(stored, exact_up_to=19), ApproximateSearch)


def test_without_the_library_exact_search_is_left(monkeypatch):
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    stored = unit_vectors(8, 20)
    assert isinstance(vector_search(stored), ExactSearch)
    with pytest.raises(ConfigError, match=r"gram-jax\[ann\]"):
        vector_search(stored, exact_up_to=19)


@pytest.mark.parametrize("setting", [{"connectivity": 0}, {"threads": -1}])
def test_settings_that_make_no_sense_are_refused(setting):
    with pytest.raises(ConfigError, match="or more"):
        GraphSettings(**setting)
