"""GRAM as a retriever: queries to codes to products, scored through the codes."""

import concurrent.futures
import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import numpy as np

from gram_jax.codes.code import SEPARATOR, granularity_of
from gram_jax.codes.code_table import CodeTable
from gram_jax.core.errors import ArtifactError
from gram_jax.core.protocols import Retriever, Vocabulary
from gram_jax.core.records import Query
from gram_jax.core.runs import RankedList
from gram_jax.models.code_score import CodeScoreParams
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params, digest_params
from gram_jax.retrieval.buckets import Buckets
from gram_jax.retrieval.index import RetrievalIndex
from gram_jax.retrieval.programs import RetrievePrograms
from gram_jax.retrieval.query_beams import QueryBeams, check_spelling, query_beams, query_rows
from gram_jax.retrieval.retrieve import Results
from gram_jax.retrieval.scoring import ScoringHead


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
      num_products: products a query that the programs are compiled for; more may be asked.
      name: of the method in reports.

    Raises:
      ArtifactError: the vocabulary or the parameters are not those the index was built with.
    """

    def __init__(self, config: ModelConfig, params: Params, index: RetrievalIndex,
                 vocabulary: Vocabulary, *, head: str, score_params: CodeScoreParams,
                 reduce: str = "best", beam_size: int = 10, batch_size: int = 16,
                 max_query_length: int = 24, num_products: int = 300, name: str = "GRAM"):
        check_spelling(index, vocabulary)
        if (found := digest_params(params)) != index.params_digest:
            raise ArtifactError(f"the index was built with parameters {index.params_digest} and "
                                f"cannot search with {found}; build it again")
        self.name = name
        self._vocabulary = vocabulary
        self._batch_size, self._max_query_length = batch_size, max_query_length
        self._programs = RetrievePrograms(
            config, params, index, ScoringHead(head, reduce, score_params), beam_size=beam_size,
            num_products=num_products, buckets=Buckets.within(batch_size, max_query_length))

    def warm(self, only: Literal["lone", "batch"] | None = None, *, k: int = 1) -> None:
        """Compiles what answers: the programs of all buckets, as a server needs them, or one.

        Args:
          only: 'lone' compiles the one program that answers any single query, 'batch' the one
            that answers any batch.
          k: products that will be asked for.
        """
        buckets = self._programs.buckets
        rows = {"lone": buckets.batch_sizes[0], "batch": buckets.batch_sizes[-1]}
        self._programs.warm(
            None if only is None else [(rows[only], buckets.query_lengths[-1])], k=k)

    def swap_index(self, index: RetrievalIndex) -> concurrent.futures.Future:
        """Answers from another index as soon as it can; see `RetrievePrograms.swap`."""
        check_spelling(index, self._vocabulary)
        return self._programs.swap(index)

    def beams(self, queries: Iterable[Query]) -> Iterator[QueryBeams]:
        """The codes of each query, in the order of the queries."""
        for found, _ in self.answers(queries, k=1):
            yield found

    def retrieve(self, queries: Iterable[Query], *, k: int) -> Iterator[RankedList]:
        """At most `k` products a query, each with the code that found it."""
        for _, ranked in self.answers(queries, k=k):
            yield ranked

    def answers(self, queries: Iterable[Query], *,
                k: int) -> Iterator[tuple[QueryBeams, RankedList]]:
        """The codes and the products of each query, searched once."""
        queries = iter(queries)
        while batch := list(itertools.islice(queries, self._batch_size)):
            serving = self._programs.serving
            rows = query_rows(self._vocabulary, batch, self._max_query_length)
            results = self._programs.run(rows, k=k, serving=serving)
            table = serving.index.code_table
            yield from zip(query_beams(batch, results.beams, table),
                           _ranked_lists(batch, results, table))

    def explain(self, ranked: RankedList) -> tuple[Explanation, ...]:
        """Each product of a list with its score, its code and the code's granularity."""
        return tuple(
            Explanation(product_id, score, code, granularity_of(code.count(SEPARATOR) + 1))
            for product_id, score, code in zip(ranked.product_ids, ranked.scores, ranked.codes))


def _ranked_lists(queries: Sequence[Query], results: Results,
                  table: CodeTable) -> Iterator[RankedList]:
    for place, query in enumerate(queries):
        count = int(np.count_nonzero(results.scores[place] > -np.inf))
        yield RankedList(
            query.query_id,
            tuple(table.product_ids[i] for i in results.products[place, :count].tolist()),
            tuple(results.scores[place, :count].tolist()),
            tuple(table.codes[i].text for i in results.codes[place, :count].tolist()))
