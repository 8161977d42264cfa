"""GRAM as a retriever: queries to codes to products, scored through the codes."""

import dataclasses
from collections.abc import Iterable, Iterator

from gram_jax.core.protocols import Retriever, Vocabulary
from gram_jax.core.records import Query
from gram_jax.core.runs import RankedList
from gram_jax.models.code_score import CodeScoreParams
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params
from gram_jax.retrieval.candidates import gather_candidates
from gram_jax.retrieval.index import RetrievalIndex
from gram_jax.retrieval.query_beams import BeamSearcher, QueryBeams
from gram_jax.retrieval.scoring import ScoringHead, rank_candidates


@dataclasses.dataclass(frozen=True)
class Explanation:
    """Why a product was found: the code that speaks most for it."""

    product_id: str
    score: float
    code: str
    granularity: str


class GenerativeRetriever(Retriever):
    """Answers queries with products through generated codes.

    Args:
      config: sizes of the model.
      params: its parameters.
      index: built with these parameters.
      vocabulary: of the model.
      head: a name in `models.code_score.HEADS`.
      score_params: weights and biases of the granularities.
      reduce: a name in `scoring.REDUCES`.
      beam_size: codes a query.
      batch_size: queries answered together.
      max_query_length: tokens kept of a query with its prefix, EOS included.
      name: of the method in reports.

    Raises:
      ArtifactError: the vocabulary is not the one the index was built with.
    """

    def __init__(self, config: ModelConfig, params: Params, index: RetrievalIndex,
                 vocabulary: Vocabulary, *, head: str, score_params: CodeScoreParams,
                 reduce: str = "best", beam_size: int = 10, batch_size: int = 16,
                 max_query_length: int = 24, name: str = "GRAM"):
        self.name = name
        self._index = index
        self._scoring = ScoringHead(head, reduce, score_params)
        self._searcher = BeamSearcher(config, params, index, vocabulary, beam_size=beam_size,
                                      batch_size=batch_size, max_query_length=max_query_length)

    def beams(self, queries: Iterable[Query]) -> Iterator[QueryBeams]:
        """The codes of each query, in the order of the queries."""
        for batch in self._searcher.batches(queries):
            yield from batch

    def retrieve(self, queries: Iterable[Query], *, k: int) -> Iterator[RankedList]:
        """At most `k` products a query, each with the code that found it."""
        for _, ranked in self.answers(queries, k=k):
            yield ranked

    def answers(self, queries: Iterable[Query], *,
                k: int) -> Iterator[tuple[QueryBeams, RankedList]]:
        """The codes and the products of each query, searched once."""
        for batch in self._searcher.batches(queries):
            candidates = gather_candidates(self._index, batch)
            yield from zip(batch, rank_candidates(self._index, batch, candidates, self._scoring,
                                                  k=k))

    def explain(self, ranked: RankedList) -> tuple[Explanation, ...]:
        """Each product of a list with its score, its code and the code's granularity."""
        table = self._index.code_table
        return tuple(
            Explanation(product_id, score, code, table.codes[table.id_of_text[code]].granularity)
            for product_id, score, code in zip(ranked.product_ids, ranked.scores, ranked.codes))
