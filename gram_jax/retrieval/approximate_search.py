"""The largest inner products of very many vectors, by a graph that is walked instead of read whole.

Hierarchical navigable small worlds (Malkov and Yashunin, arXiv 1603.09320) by the library `usearch`
(extra 'ann'). The walk says which vectors; their order and products are computed anew, so that what
is found is scored as `exact_search` scores it. Knows vectors by their places.
"""

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gram_jax.core.errors import ArtifactError, ConfigError
from gram_jax.retrieval.exact_search import NONE, ExactSearch, VectorSearch, check_vectors

if TYPE_CHECKING:
    from usearch.index import Index

EXACT_UP_TO = 1_000_000
_SCORES_AT_ONCE = 16


@dataclasses.dataclass(frozen=True)
class GraphSettings:
    """The graph: what costs memory and time, and buys recall.

    Args:
      connectivity: neighbours of a vector.
      expansion_add: candidates looked at when a vector is added.
      expansion_search: candidates looked at when one is searched for; never fewer than are asked.
      threads: that build and search; 0 takes all. With more than one, another run may build another
        graph.

    Raises:
      ConfigError: a number makes no sense.
    """

    connectivity: int = 32
    expansion_add: int = 128
    expansion_search: int = 512
    threads: int = 0

    def __post_init__(self):
        if min(self.connectivity, self.expansion_add, self.expansion_search) < 1 \
                or self.threads < 0:
            raise ConfigError(f"{self}: all but threads are 1 or more, and threads 0 or more")


class ApproximateSearch(VectorSearch):
    """Most of the largest inner products, by a graph over the stored vectors.

    Args:
      stored: float16 or float32 [num, size].
      settings: of the graph.
      path: the graph of these vectors as `save` wrote it; None builds it.

    Raises:
      ConfigError: usearch is not installed.
      ArtifactError: the file holds no graph over as many vectors of this size.
      ValueError: not a matrix of these types.
    """

    def __init__(self, stored: np.ndarray, *, settings: GraphSettings = GraphSettings(),
                 path: str | os.PathLike | None = None):
        check_vectors(stored)
        self.settings, self._stored = settings, stored
        self._graph = _empty_graph(stored.shape[1], settings)
        if path is None:
            self._graph.add(np.arange(len(stored), dtype=np.uint64), stored,
                            threads=settings.threads)
        else:
            self._load(Path(path))

    def save(self, path: str | os.PathLike) -> None:
        """Writes the graph; the vectors are the caller's to keep."""
        self._graph.save(os.fspath(path))

    def search(self, vectors: np.ndarray, *, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Most of the best of the stored vectors for each given one, see `VectorSearch`."""
        places = np.full((len(vectors), k), NONE, np.int32)
        scores = np.full((len(vectors), k), -np.inf, np.float32)
        if not len(self._stored) or not len(vectors):
            return places, scores
        self._graph.expansion_search = max(k, self.settings.expansion_search)
        for start in range(0, len(vectors), _SCORES_AT_ONCE):
            rows = np.ascontiguousarray(vectors[start:start + _SCORES_AT_ONCE], np.float32)
            found = self._walk(rows, k)
            products = np.einsum("nkd,nd->nk", self._stored[found].astype(np.float32), rows)
            products[found == NONE] = -np.inf
            order = np.lexsort((found, -products), axis=1)
            places[start:start + len(rows)] = np.take_along_axis(found, order, axis=1)
            scores[start:start + len(rows)] = np.take_along_axis(products, order, axis=1)
        return places, scores

    def _walk(self, rows: np.ndarray, k: int) -> np.ndarray:
        """int32 [rows, k] places in the graph's order, `NONE` where it found no more."""
        matches = self._graph.search(rows, k, threads=self.settings.threads)
        found = np.full((len(rows), k), NONE, np.int32)
        if len(rows) == 1:  # the library gives what it found, without an axis of queries
            found[0, :len(matches)] = matches.keys
            return found
        for row, (keys, count) in enumerate(zip(matches.keys, matches.counts)):
            found[row, :count] = keys[:count]
        return found

    def _load(self, path: Path) -> None:
        try:
            self._graph.load(os.fspath(path))
        except (OSError, RuntimeError) as error:
            raise ArtifactError(f"{path} holds no readable graph ({error}): build it again"
                                ) from error
        if (len(self._graph), self._graph.ndim) != self._stored.shape:
            raise ArtifactError(
                f"{path} is a graph over {len(self._graph)} vectors of {self._graph.ndim} numbers, "
                f"not over {' of '.join(map(str, self._stored.shape))}: build it again")


def vector_search(stored: np.ndarray, *, exact_up_to: int = EXACT_UP_TO,
                  settings: GraphSettings = GraphSettings()) -> VectorSearch:
    """Exact search, or past `exact_up_to` vectors approximate search.

    Raises:
      ConfigError: there are more, and usearch is not installed.
    """
    if len(stored) <= exact_up_to:
        return ExactSearch(stored)
    return ApproximateSearch(stored, settings=settings)


def _empty_graph(size: int, settings: GraphSettings) -> "Index":
    try:
        from usearch.index import Index
    except ImportError:
        raise ConfigError("approximate search needs the library 'usearch': "
                          "pip install 'gram-jax[ann]', or search exactly") from None
    return Index(ndim=size, metric="ip", dtype="f16", connectivity=settings.connectivity,
                 expansion_add=settings.expansion_add,
                 expansion_search=settings.expansion_search)
