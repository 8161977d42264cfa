"""Queries to codes: rows of tokens in, the codes of each query out.

Knows the model, the trie and texts; nothing of products or of how they are scored.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence

import jax
import numpy as np

from gram_jax.codes.code_table import CodeTable
from gram_jax.core.errors import ArtifactError
from gram_jax.core.protocols import Vocabulary
from gram_jax.core.records import Query
from gram_jax.decoding.beam_search import beam_search
from gram_jax.decoding.beam_state import Beams
from gram_jax.models.cached_decoder import CachedDecoder
from gram_jax.models.config import ModelConfig
from gram_jax.models.params import Params
from gram_jax.retrieval.index import RetrievalIndex
from gram_jax.text.encoding import encode_inputs
from gram_jax.text.normal_form import normalize_text
from gram_jax.text.prompts import query_input

_CODES_SPELLED_TO_CHECK = 16


@dataclasses.dataclass(frozen=True, eq=False)
class QueryBeams:
    """The codes found for one query, best first; none for a query without text.

    `codes` are their texts, `log_probs` float32 [n] ln P(code | query), `code_ids` int32 [n],
    `tokens` int32 [n, length] what was emitted, EOS included, and `token_log_probs` float32
    [n, length] ln P_i^q of each, 0 after EOS.
    """

    query_id: str
    codes: tuple[str, ...]
    log_probs: np.ndarray
    code_ids: np.ndarray
    tokens: np.ndarray
    token_log_probs: np.ndarray


class BeamSearcher:
    """Generates codes for queries and nothing else, all batches in one program.

    Args:
      config: sizes of the model.
      params: its parameters.
      index: whose trie says which codes exist.
      vocabulary: of the model.
      beam_size: codes a query.
      batch_size: queries searched together.
      max_query_length: tokens kept of a query with its prefix, EOS included.

    Raises:
      ArtifactError: the vocabulary does not spell the index's codes as the index does.
    """

    def __init__(self, config: ModelConfig, params: Params, index: RetrievalIndex,
                 vocabulary: Vocabulary, *, beam_size: int, batch_size: int,
                 max_query_length: int):
        check_spelling(index, vocabulary)
        self._decoder = CachedDecoder(config, jax.device_put(params))
        self._trie = jax.device_put(index.trie)
        self._code_table = index.code_table
        self._vocabulary = vocabulary
        self._beam_size = beam_size
        self._batch_size = batch_size
        self._max_query_length = max_query_length

    def batches(self, queries: Iterable[Query]) -> Iterator[list[QueryBeams]]:
        """The beams of each query, in order, as many at a time as are searched together."""
        queries = iter(queries)
        while batch := list(itertools.islice(queries, self._batch_size)):
            rows = np.zeros((self._batch_size, self._max_query_length), np.int32)
            rows[:len(batch)] = query_rows(self._vocabulary, batch, self._max_query_length)
            beams = jax.device_get(beam_search(self._decoder, self._trie, rows,
                                               beam_size=self._beam_size))
            yield query_beams(batch, beams, self._code_table)


def query_rows(vocabulary: Vocabulary, queries: Sequence[Query], max_length: int) -> np.ndarray:
    """What the model reads of each query, int32 [queries, max_length]; zeros without text."""
    rows = encode_inputs(vocabulary, [query_input(query.text) for query in queries], max_length)
    for place, query in enumerate(queries):
        if not normalize_text(query.text):
            rows[place] = 0  # beam search knows a row of padding as no query
    return rows


def query_beams(queries: Sequence[Query], beams: Beams, code_table: CodeTable) -> list[QueryBeams]:
    """The beams (of NumPy) that are alive, a query each; rows beyond the queries are ignored."""
    found = []
    for place, query in enumerate(queries):
        alive = beams.alive[place]
        code_ids = beams.code_ids[place][alive]
        found.append(QueryBeams(
            query.query_id,
            tuple(code_table.codes[code_id].text for code_id in code_ids.tolist()),
            beams.log_probs[place][alive], code_ids, beams.tokens[place][alive],
            beams.token_log_probs[place][alive]))
    return found


def check_spelling(index: RetrievalIndex, vocabulary: Vocabulary) -> None:
    """Raises an ArtifactError where the vocabulary spells the index's codes otherwise."""
    codes = index.code_table.codes[:_CODES_SPELLED_TO_CHECK]
    for code, row, tokens in zip(codes, vocabulary.encode([code.text for code in codes]),
                                 index.code_tokens):
        if [*row, vocabulary.eos_id] != np.trim_zeros(tokens, "b").tolist():
            raise ArtifactError(f"the index spells the code {code.text!r} otherwise than this "
                                "vocabulary; build the index again")
