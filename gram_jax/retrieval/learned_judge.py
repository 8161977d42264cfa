"""How held-out queries are answered with parameters of the learned head, many times over.

The candidates and their features are computed once, by the code that serves; a judgement scores and
orders them. Knows searched queries and their grades; nothing of how the head learns.
"""

import dataclasses
import functools
from collections.abc import Sequence

import jax

from gram_jax.core.records import Query
from gram_jax.core.runs import Qrels, RankedList
from gram_jax.models.learned_score import LearnedScoreParams
from gram_jax.retrieval.candidate_lists import find_candidates
from gram_jax.retrieval.device_index import DeviceIndex
from gram_jax.retrieval.head_figures import head_figures
from gram_jax.retrieval.index import RetrievalIndex
from gram_jax.retrieval.learned_features import cosines
from gram_jax.retrieval.learned_shortlist import Candidates, best_candidates
from gram_jax.retrieval.product_arrays import quantised_embeddings
from gram_jax.retrieval.ranked_lists import ranked_lists
from gram_jax.retrieval.searched import SearchedBatch
from gram_jax.retrieval.shortlist import Ranked


@dataclasses.dataclass(frozen=True, eq=False)
class LearnedJudge:
    """Queries with all that a head may read of their candidates.

    Args:
      index: what they were searched in.
      names: of the features.
      queries: of each batch.
      candidates: of each batch, of NumPy.
      query_embeddings: of each batch, float32 [batch, d_model].
      qrels: grades of the queries.
      k: products a query.
    """

    index: RetrievalIndex
    names: tuple[str, ...]
    queries: Sequence[Sequence[Query]]
    candidates: Sequence[Candidates]
    query_embeddings: Sequence[jax.Array]
    qrels: Qrels
    k: int

    @classmethod
    def of_searched(cls, index: RetrievalIndex, on_device: DeviceIndex,
                    searched: Sequence[SearchedBatch], qrels: Qrels, *, k: int) -> "LearnedJudge":
        """Computes the features that the head of `on_device` reads, for `k` products a query."""
        return cls(index, on_device.score_params.features, [batch.queries for batch in searched],
                   [find_candidates(on_device, batch, num_products=k) for batch in searched],
                   [batch.side.embeddings for batch in searched], qrels, k)

    def figures(self, params: LearnedScoreParams) -> dict[str, float]:
        """How the queries are answered by a head that reads some or all of these features."""
        columns = tuple(self.names.index(name) for name in params.features)
        embeddings = None if params.maps is None else jax.device_put(
            quantised_embeddings(self.index.product_features.embeddings, params.maps))
        ranked: list[RankedList] = []
        for queries, candidates, query_embeddings in zip(self.queries, self.candidates,
                                                         self.query_embeddings):
            found = jax.device_get(_rank(params, candidates, embeddings, query_embeddings,
                                         columns=columns, num_products=self.k))
            ranked += ranked_lists(queries, *found, self.index.code_table)
        return head_figures(ranked, self.qrels)


@functools.partial(jax.jit, static_argnames=("columns", "num_products"))
def _rank(params: LearnedScoreParams, candidates: Candidates, embeddings: jax.Array | None,
          query_embeddings: jax.Array, *, columns: tuple[int, ...], num_products: int) -> Ranked:
    features = candidates.features[:, columns, :]
    if embeddings is not None:  # under maps of its own
        features = features.at[:, params.features.index("cosine")].set(
            cosines(embeddings, candidates.products, params.maps, query_embeddings))
    return best_candidates(params, dataclasses.replace(candidates, features=features),
                           num_products)
