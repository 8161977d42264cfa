"""From beams to candidates: every product that some beam's code reaches, with the evidence.

Knows beams and the index; nothing of how evidence becomes a score.

Index glossary: a *row* is a query of the batch; a *candidate* is one posting of one of its beams,
so a product reached by three codes is three candidates; a *group* is the run of candidates that are
one product for one query.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from gram_jax.models.code_score import CodeEvidence
from gram_jax.retrieval.index import RetrievalIndex
from gram_jax.retrieval.query_beams import QueryBeams


@dataclasses.dataclass(frozen=True, eq=False)
class Candidates:
    """All candidates of a batch of queries, sorted by row, then product, then beam.

    Args:
      evidence: of each candidate, NumPy arrays that lead with [candidates].
      code_ids: int32 [candidates].
      group_starts: int64 [groups], where each group begins; it ends where the next begins.
      group_rows: int32 [groups], rising.
      group_products: int32 [groups], rising within a row.
    """

    evidence: CodeEvidence
    code_ids: np.ndarray
    group_starts: np.ndarray
    group_rows: np.ndarray
    group_products: np.ndarray

    @property
    def num_candidates(self) -> int:
        """How many candidates there are."""
        return len(self.code_ids)

    @property
    def group_sizes(self) -> np.ndarray:
        """Candidates of each group, int64 [groups]."""
        return np.diff(self.group_starts, append=self.num_candidates)

    def groups_of(self, row: int) -> slice:
        """The groups of one query."""
        start, end = np.searchsorted(self.group_rows, [row, row + 1])
        return slice(int(start), int(end))


def gather_candidates(index: RetrievalIndex, beams: Sequence[QueryBeams]) -> Candidates:
    """The union of the postings of each query's beams."""
    length = index.trie.max_depth
    beam_rows = np.repeat(np.arange(len(beams), dtype=np.int32),
                          [len(found.code_ids) for found in beams])
    beam_codes = np.concatenate([np.zeros(0, np.int32), *(found.code_ids for found in beams)])
    beam_log_probs = np.concatenate([np.zeros((0, length), np.float32),
                                     *(found.token_log_probs for found in beams)])

    table = index.code_table
    starts = table.posting_starts[beam_codes].astype(np.int64)
    sizes = table.posting_starts[beam_codes + 1] - starts
    beam = np.repeat(np.arange(len(beam_codes)), sizes)
    offsets = np.cumsum(sizes) - sizes
    postings = np.arange(len(beam)) + (starts - offsets)[beam]

    products = table.posting_products[postings]
    groups = beam_rows[beam].astype(np.int64) * len(table.product_ids) + products
    order = np.argsort(groups, kind="stable")
    beam, postings, groups, products = beam[order], postings[order], groups[order], products[order]
    group_starts = np.flatnonzero(np.diff(groups, prepend=-1))

    code_ids = beam_codes[beam]
    evidence = CodeEvidence(
        query_token_log_probs=beam_log_probs[beam],
        product_token_log_probs=index.posting_token_log_probs[postings].astype(np.float32),
        mask=index.code_tokens[code_ids] != 0,
        granularity=table.granularities[code_ids].astype(np.int32))
    return Candidates(evidence, code_ids, group_starts, beam_rows[beam][group_starts],
                      products[group_starts])
