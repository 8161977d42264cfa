"""Between texts and what beam search reads and finds: rows of tokens, and codes by their texts.

Knows queries, codes and how they are spelled; nothing of models, products or scores.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from gram_jax.codes.code_table import CodeTable
from gram_jax.core.errors import ArtifactError
from gram_jax.core.protocols import Vocabulary
from gram_jax.core.records import Query
from gram_jax.decoding.beam_state import Beams
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
