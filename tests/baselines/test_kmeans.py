"""Centroids are means of the points nearest to them, as the libraries compute them."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.vq import kmeans2

from gram_jax.baselines import kmeans as kmeans_module
from gram_jax.baselines.kmeans import kmeans, nearest_centroids


def cloud(seed, num_points, size=3, num_blobs=4, spread=0.1):
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 3, (num_blobs, size))
    points = centres[rng.integers(num_blobs, size=num_points)]
    return (points + rng.normal(0, spread, points.shape)).astype(np.float32)


def squared_distances(points, centroids):
    return np.square(points[:, None].astype(np.float64) - centroids).sum(axis=2)


def inertia(points, centroids):
    return squared_distances(points, centroids).min(axis=1).sum()


def brute_force(points, num_centroids):
    """The least inertia of any division of the points."""
    best = np.inf
    for labels in itertools.product(range(num_centroids), repeat=len(points)):
        labels = np.array(labels)
        found = sum(np.square(part - part.mean(axis=0)).sum()
                    for label in set(labels.tolist())
                    if len(part := points[labels == label].astype(np.float64)))
        best = min(best, found)
    return best


@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 9))
def test_the_nearest_centroid_is_the_nearest(seed, num_points, num_centroids):
    points, centroids = cloud(seed, num_points), cloud(seed + 1, num_centroids)
    distances = squared_distances(points, centroids)
    chosen = distances[np.arange(num_points), nearest_centroids(points, centroids)]
    np.testing.assert_allclose(chosen, distances.min(axis=1), rtol=1e-4, atol=1e-4)


def test_of_equally_near_centroids_the_lowest_is_chosen_in_any_block(monkeypatch):
    monkeypatch.setattr(kmeans_module, "_POINTS_AT_ONCE", 3)
    centroids = np.array([[1], [-1], [1]], np.float32)
    points = np.array([[0], [2], [-2], [0], [5]], np.float32)
    assert nearest_centroids(points, centroids).tolist() == [0, 0, 1, 0, 0]


@given(st.integers(0, 10**6), st.integers(1, 80), st.integers(1, 12))
def test_where_it_ends_every_centroid_is_the_mean_of_its_points(seed, num_points, num_centroids):
    points = cloud(seed, num_points)
    centroids = kmeans(points, num_centroids, rng=np.random.default_rng(seed), num_iterations=200)
    assert centroids.shape == (num_centroids, 3) and centroids.dtype == np.float32
    labels = nearest_centroids(points, centroids)
    for label in set(labels.tolist()):
        np.testing.assert_allclose(centroids[label], points[labels == label].mean(axis=0),
                                   atol=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_the_best_of_a_few_starts_is_the_best_there_is(seed):
    points = cloud(seed, 8, size=2, spread=1.0)
    found = min(inertia(points, kmeans(points, 3, rng=np.random.default_rng([seed, start])))
                for start in range(12))
    assert found == pytest.approx(brute_force(points, 3), rel=1e-4, abs=1e-4)


def test_steps_are_those_of_scipy():
    points = cloud(0, 300, size=8, num_blobs=9, spread=1.5)
    start = points[:6]
    expected, _ = kmeans2(points, start, iter=3, minit="matrix")
    np.testing.assert_allclose(kmeans_module._lloyd(points, start, 3), expected, rtol=1e-4,
                               atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_left_is_about_what_scikit_learn_leaves(seed):
    cluster = pytest.importorskip("sklearn.cluster", reason="compares with scikit-learn")
    points = cloud(seed, 600, size=8, num_blobs=20, spread=0.5)
    theirs = cluster.KMeans(16, n_init=1, random_state=seed).fit(points).inertia_
    ours = min(inertia(points, kmeans(points, 16, rng=np.random.default_rng(start)))
               for start in range(3))
    assert ours < 1.15 * theirs


def test_a_centroid_without_points_goes_where_it_is_needed_most():
    points = np.array([[0], [1], [2], [50]], np.float32)
    centroids = np.array([[1], [-99]], np.float32)
    moved = kmeans_module._means(points, nearest_centroids(points, centroids), centroids)
    assert moved[1].tolist() == [50]


def test_what_clumps_leave_over_is_not_all_taken_by_one_centroid():
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 0.4, (4000, 128)) * np.linspace(1, 0.05, 128)
    points = (rng.normal(size=(300, 128))[rng.integers(300, size=4000)] + noise).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    spread = kmeans_module._lloyd(
        points, kmeans_module._spread_start(points, 64, np.random.default_rng(0)), 10)
    left = points - spread[nearest_centroids(points, spread)]
    centroids = kmeans(left, 64, rng=np.random.default_rng(1), num_iterations=10)
    assert np.bincount(nearest_centroids(left, centroids)).max() < 0.25 * len(left)


@given(st.integers(1, 6), st.integers(1, 9))
def test_as_many_centroids_as_different_points_leave_nothing(num_different, num_repeats):
    points = np.repeat(cloud(num_different, num_different, spread=2.0), num_repeats, axis=0)
    centroids = kmeans(points, num_different + 2, rng=np.random.default_rng(0))
    assert inertia(points, centroids) < 1e-6


def test_a_seed_gives_one_result_and_a_sample_is_enough():
    points = cloud(3, 4000)
    first, second = (kmeans(points, 4, rng=np.random.default_rng(5), max_training_points=200)
                     for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert inertia(points, first) < 1.3 * inertia(points, kmeans(
        points, 4, rng=np.random.default_rng(5), max_training_points=4000))
