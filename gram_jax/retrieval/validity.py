"""Counts codes that do not exist. Deliberately knows nothing of the trie that should prevent them.
"""

from collections.abc import Iterable

import numpy as np

from gram_jax.codes.code_table import CodeTable
from gram_jax.core.protocols import Vocabulary
from gram_jax.retrieval.query_beams import QueryBeams


def invalid_code_share(beams: Iterable[QueryBeams], code_table: CodeTable,
                       vocabulary: Vocabulary) -> float:
    """The share of emitted codes that are not codes of the catalogue, or not the ones they claim.

    Checked on the emitted tokens against the spelling of every code of the table. 0 where nothing
    was emitted.
    """
    spelled = vocabulary.encode([code.text for code in code_table.codes])
    id_of_tokens = {(*row, vocabulary.eos_id): code_id for code_id, row in enumerate(spelled)}
    num_emitted = num_invalid = 0
    for found in beams:
        for tokens, code_id in zip(found.tokens, found.code_ids):
            emitted = tuple(np.trim_zeros(tokens, "b").tolist())
            num_emitted += 1
            num_invalid += id_of_tokens.get(emitted) != code_id
    return num_invalid / max(num_emitted, 1)
