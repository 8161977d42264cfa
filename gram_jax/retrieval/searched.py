"""Queries that were searched, kept so that scoring heads are tried without searching again."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

import jax
import numpy as np

from gram_jax.core.protocols import Vocabulary
from gram_jax.core.records import Query
from gram_jax.decoding.beam_state import Beams
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params
from gram_jax.retrieval.query_beams import QueryBeams, query_rows
from gram_jax.retrieval.query_side import QuerySide, query_side
from gram_jax.trie.code_trie import NO_CODE


@dataclasses.dataclass(frozen=True, eq=False)
class SearchedBatch:
    """A batch of queries: their codes as `found`, and the same as arrays of NumPy.

    `beams` and `side` may have more rows than there are queries; these have no query.
    """

    queries: tuple[Query, ...]
    found: tuple[QueryBeams, ...]
    beams: Beams
    side: QuerySide


def search_batches(search: Callable[[Iterable[Query]], Iterator[QueryBeams]], config: ModelConfig,
                   params: Params, vocabulary: Vocabulary, queries: Iterable[Query], *,
                   beam_size: int, code_length: int, batch_size: int,
                   max_query_length: int) -> Iterator[SearchedBatch]:
    """Searches queries in batches, all of one shape.

    Args:
      search: `GenerativeRetriever.beams`.
      config: sizes of the model.
      params: its parameters.
      vocabulary: of the model.
      queries: what to search.
      beam_size: codes of a query that there is room for.
      code_length: tokens of a code that there is room for.
      batch_size: queries of a batch.
      max_query_length: tokens kept of a query with its prefix, EOS included.
    """
    queries = iter(queries)
    while batch := tuple(itertools.islice(queries, batch_size)):
        rows = np.zeros((batch_size, max_query_length), np.int32)
        rows[:len(batch)] = query_rows(vocabulary, batch, max_query_length)
        found = tuple(search(batch))
        beams = stack_beams(found, batch_size, beam_size, code_length)
        yield SearchedBatch(batch, found, beams,
                            jax.device_get(query_side(config, params, rows)))


def stack_beams(found: Sequence[QueryBeams], batch_size: int, beam_size: int,
                code_length: int) -> Beams:
    """The beams as beam search returned them: [batch_size, beam_size], of NumPy."""
    def stacked(name: str, fill, dtype, *shape: int) -> np.ndarray:
        whole = np.full((batch_size, beam_size, *shape), fill, dtype)
        for place, row in enumerate(found):
            whole[place, :len(row.code_ids)] = getattr(row, name)
        return whole

    code_ids = stacked("code_ids", NO_CODE, np.int32)
    return Beams(stacked("tokens", 0, np.int32, code_length),
                 stacked("token_log_probs", 0, np.float32, code_length),
                 stacked("log_probs", -np.inf, np.float32), code_ids, code_ids != NO_CODE)
