"""What the learned head is fitted on: candidates of train queries with features and gains.

Features are computed by the code that serves. Knows searched queries, the index and gains; nothing
of how the head learns.
"""

import dataclasses
import functools
from collections.abc import Iterable, Mapping

import jax
import numpy as np

from gram_jax.decoding.beam_state import Beams
from gram_jax.retrieval.device_index import DeviceIndex
from gram_jax.retrieval.learned_shortlist import Candidates, candidates_of
from gram_jax.retrieval.places import postings_of_beams, sizes_up_to
from gram_jax.retrieval.query_side import QuerySide
from gram_jax.retrieval.searched import SearchedBatch

_MOST_GAINS_SHARE = 4


@dataclasses.dataclass(frozen=True, eq=False)
class CandidateLists:
    """Candidates of queries that reached a product with a gain, and others beside it.

    Args:
      names: of the features.
      features: float32 [queries, features, candidates].
      products: int32 [queries, candidates].
      gains: float32 [queries, candidates], 0 for products without one.
      exists: bool [queries, candidates], False where a query has fewer.
      query_embeddings: float32 [queries, d_model].
    """

    names: tuple[str, ...]
    features: np.ndarray
    products: np.ndarray
    gains: np.ndarray
    exists: np.ndarray
    query_embeddings: np.ndarray

    @property
    def num_queries(self) -> int:
        """How many queries there are."""
        return len(self.products)

    def columns(self, names: tuple[str, ...]) -> np.ndarray:
        """The features of these names: float32 [queries, names, candidates]."""
        return self.features[:, [self.names.index(name) for name in names]]

    def moments(self, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of features over all candidates: float32 [names] each.

        A feature that is the same everywhere has a deviation of 1.
        """
        values = np.moveaxis(self.columns(names), 1, 2)[self.exists].astype(np.float64)
        if not len(values):
            return np.zeros(len(names), np.float32), np.ones(len(names), np.float32)
        deviation = values.std(axis=0)
        return (values.mean(axis=0).astype(np.float32),
                np.where(deviation > 1e-6, deviation, 1).astype(np.float32))


def collect_lists(index: DeviceIndex, searched: Iterable[SearchedBatch],
                  gains: Mapping[str, Mapping[int, float]], *, num_products: int,
                  num_candidates: int = 512, seed: int = 0) -> CandidateLists:
    """Draws candidates of each query: those with gains, and others at random.

    Args:
      index: of a learned head, whose features are computed.
      searched: the queries.
      gains: query_id -> product index -> gain, above 0.
      num_products: that the head will be asked for.
      num_candidates: of a query; at most a quarter of them have gains.
      seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    names, parts = index.score_params.features, []
    for batch in searched:
        candidates = find_candidates(index, batch, num_products=num_products)
        for row, query in enumerate(batch.queries):
            products, features = candidates.products[row], candidates.features[row]
            chosen = _draw(rng, products, candidates.exists[row], gains.get(query.query_id, {}),
                           num_candidates)
            if chosen is None:
                continue
            columns, found = chosen
            room = [(0, num_candidates - len(columns))]
            parts.append((np.pad(features[:, columns], [(0, 0), *room]),
                          np.pad(products[columns], room), np.pad(found, room),
                          np.arange(num_candidates) < len(columns),
                          batch.side.embeddings[row]))
    if parts:
        return CandidateLists(names, *map(np.stack, zip(*parts)))
    none = np.zeros((0, num_candidates), np.float32)
    return CandidateLists(names, np.zeros((0, len(names), num_candidates), np.float32),
                          none.astype(np.int32), none, none > 0, np.zeros((0, 1), np.float32))


def find_candidates(index: DeviceIndex, batch: SearchedBatch, *, num_products: int) -> Candidates:
    """All candidates of a batch, of NumPy, with the features that the index's head reads."""
    return jax.device_get(_candidates(index, batch.beams, batch.side,
                                      size=_size_for(index, batch.beams),
                                      num_products=num_products))


@functools.partial(jax.jit, static_argnames=("size", "num_products"))
def _candidates(index: DeviceIndex, beams: Beams, side: QuerySide, *, size: int,
                num_products: int) -> Candidates:
    return candidates_of(index, beams, postings_of_beams(index, beams), side, size, num_products)


def _size_for(index: DeviceIndex, beams: Beams) -> int:
    starts = np.asarray(index.posting_starts)
    codes = np.maximum(beams.code_ids, 0)
    needed = np.where(beams.alive, starts[codes + 1] - starts[codes], 0).sum(axis=1).max(initial=0)
    return next(size for size in sizes_up_to(index.candidate_capacity) if size >= needed)


def _draw(rng: np.random.Generator, products: np.ndarray, exists: np.ndarray,
          gains: Mapping[int, float], count: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Columns and their gains; None where no product has one, or all have."""
    has_gain = np.isin(products, np.fromiter(gains, np.int64, len(gains)))
    winners, others = np.flatnonzero(exists & has_gain), np.flatnonzero(exists & ~has_gain)
    if not len(winners) or not len(others):
        return None
    winners = _at_most(rng, winners, count // _MOST_GAINS_SHARE)
    others = _at_most(rng, others, count - len(winners))
    found = np.zeros(len(winners) + len(others), np.float32)
    found[:len(winners)] = [gains[product] for product in products[winners].tolist()]
    return np.concatenate([winners, others]), found


def _at_most(rng: np.random.Generator, values: np.ndarray, count: int) -> np.ndarray:
    return values if len(values) <= count else rng.choice(values, count, replace=False)
