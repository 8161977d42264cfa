import dataclasses

import numpy as np
import pytest

from gram_jax.retrieval.query_beams import QueryBeams
from gram_jax.retrieval.validity import invalid_code_share


def emitted(world, code_ids):
    tokens = world.index.code_tokens[code_ids]
    return QueryBeams("q", (), np.zeros(len(code_ids), np.float32), np.array(code_ids, np.int32),
                      tokens, np.zeros(tokens.shape, np.float32))


def test_codes_of_the_table_are_valid(world):
    beams = [emitted(world, [0, 3, 5]), emitted(world, []), emitted(world, range(14))]
    assert invalid_code_share(beams, world.table, world.vocabulary) == 0.0
    assert invalid_code_share([], world.table, world.vocabulary) == 0.0


def test_a_prefix_a_longer_sequence_and_a_false_claim_are_invalid(world):
    beams = emitted(world, [0, 3, 5, 6])
    tokens = beams.tokens.copy()
    last = np.count_nonzero(tokens[0]) - 1
    tokens[0, last] = 0  # EOS is missing
    tokens[1] = 0  # nothing at all
    wrong = dataclasses.replace(beams, tokens=tokens,
                                code_ids=np.array([0, 3, 4, 6], np.int32))
    assert invalid_code_share([wrong], world.table, world.vocabulary) == pytest.approx(3 / 4)
