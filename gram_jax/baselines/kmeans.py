"""k-means: centroids near to which every point of a cloud lies. Knows vectors only.

SciPy's `kmeans2` takes the same steps from the same start. What is here beside it is where they
start, at one pass over the points for each centroid and not one for each pair of centroids, an end
when nothing changes, and centroids that do not stay where no point is.
"""

import numpy as np
from scipy import sparse

_POINTS_AT_ONCE = 1 << 14
_POINTS_A_CENTROID = 256
_SEEDING_POINTS_A_CENTROID = 64


def kmeans(points: np.ndarray, num_centroids: int, *, rng: np.random.Generator,
           num_iterations: int = 25, max_training_points: int | None = None) -> np.ndarray:
    """Lloyd's iterations from two starts, of which the result that lies nearer is taken.

    One start is spread over the points (k-means++, Arthur and Vassilvitskii, SODA 2007), which
    suits a cloud of clumps. The other is the means of a random division. It suits what residuals
    are, points around one centre in many dimensions: any two of these are farther from each other
    than from the centre, so that centroids which start at points stay alone with them, and the one
    that lies nearest to the centre takes all others.

    A centroid that loses all its points moves to the point farthest from its own.

    Args:
      points: float32 [n, d], at least one.
      num_centroids: how many.
      rng: of the sample and the start.
      num_iterations: from each start, at most; it ends when no point changes its centroid.
      max_training_points: a sample of so many is looked at; None takes 256 a centroid.

    Returns:
      float32 [num_centroids, d]. With fewer different points than centroids some are equal.
    """
    sample = _sampled(points, max_training_points or _POINTS_A_CENTROID * num_centroids, rng)
    seeds = _sampled(sample, _SEEDING_POINTS_A_CENTROID * num_centroids, rng)
    starts = (_spread_start(seeds, num_centroids, rng),
              _divided_start(sample, num_centroids, rng))
    return min((_lloyd(sample, start, num_iterations) for start in starts),
               key=lambda centroids: _squared_distances(
                   sample, centroids[nearest_centroids(sample, centroids)]).sum())


def nearest_centroids(points: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """The number of the nearest centroid of each point, the lowest of equally near: int32 [n].

    Args:
      points: float32 [n, d].
      centroids: float32 [k, d].
    """
    half_squares = 0.5 * np.square(centroids).sum(axis=1)
    found = np.zeros(len(points), np.int32)
    for first in range(0, len(points), _POINTS_AT_ONCE):
        rows = slice(first, first + _POINTS_AT_ONCE)
        # A point's own norm is the same for all centroids.
        found[rows] = (half_squares - points[rows] @ centroids.T).argmin(axis=1)
    return found


def _sampled(points: np.ndarray, max_points: int, rng: np.random.Generator) -> np.ndarray:
    if len(points) <= max_points:
        return points
    return points[np.sort(rng.choice(len(points), max_points, replace=False))]


def _lloyd(points: np.ndarray, centroids: np.ndarray, num_iterations: int) -> np.ndarray:
    """Each centroid to the mean of the points nearest to it, again and again."""
    labels = None
    for _ in range(num_iterations):
        before, labels = labels, nearest_centroids(points, centroids)
        if before is not None and np.array_equal(before, labels):
            break
        centroids = _means(points, labels, centroids)
    return centroids


def _divided_start(points: np.ndarray, num_centroids: int, rng: np.random.Generator) -> np.ndarray:
    """The means of parts of about the same size that are drawn at random."""
    labels = rng.permutation(len(points)) % num_centroids
    anywhere = np.repeat(points.mean(axis=0, keepdims=True), num_centroids, axis=0)
    return _means(points, labels, anywhere)


def _spread_start(points: np.ndarray, num_centroids: int, rng: np.random.Generator) -> np.ndarray:
    """Points drawn one after the other, each with a chance that grows with its squared distance."""
    chosen = [int(rng.integers(len(points)))]
    distances = _squared_distances(points, points[chosen[0]])
    for _ in range(num_centroids - 1):
        total = distances.sum()
        # Where all points are centroids already, any is as good.
        chances = distances / total if total > 0 else None
        chosen.append(int(rng.choice(len(points), p=chances)))
        np.minimum(distances, _squared_distances(points, points[chosen[-1]]), out=distances)
    return points[chosen]


def _means(points: np.ndarray, labels: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """The mean of each centroid's points."""
    num_centroids = len(centroids)
    counts = np.bincount(labels, minlength=num_centroids)
    members = sparse.csr_array((np.ones(len(labels), np.float64),
                                (labels, np.arange(len(labels)))), (num_centroids, len(labels)))
    means = (members @ points / np.maximum(counts, 1)[:, None]).astype(np.float32)
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        distances = np.square(points - centroids[labels]).sum(axis=1, dtype=np.float64)
        farthest = np.argsort(-distances, kind="stable")[:len(empty)]
        # Points that lie on their centroid leave nothing to gain.
        farthest = farthest[distances[farthest] > 0]
        means[empty] = centroids[empty]
        means[empty[:len(farthest)]] = points[farthest]
    return means


def _squared_distances(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """float64 [n], of each point from the other beside it, or from the one that is given."""
    return np.square(points - others).sum(axis=1, dtype=np.float64)
