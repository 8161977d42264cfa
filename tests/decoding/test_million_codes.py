"""A million generated codes, from tries of one code to a million by 1 to 200 beams: all exist.

What exists is a Python set of the codes' bytes; no trie judges.
"""

import jax
import numpy as np
import pytest

from gram_jax.decoding.beam_search import beam_search
from gram_jax.testing.scripted_logits import ScriptedLogits
from gram_jax.trie.builder import build_trie

EOS_ID, VOCAB_SIZE, MAX_LENGTH = 1, 1024, 8
SHAPES = [  # codes in the trie, beams, queries a batch, batches
    (1, 1, 256, 4),
    (1, 200, 256, 4),
    (2, 3, 256, 4),
    (30, 10, 256, 8),
    (30, 200, 64, 8),
    (1_000, 1, 512, 8),
    (1_000, 50, 128, 16),
    (1_000, 200, 32, 24),
    (50_000, 10, 256, 16),
    (50_000, 200, 32, 24),
    (1_000_000, 1, 512, 8),
    (1_000_000, 10, 256, 24),
    (1_000_000, 50, 128, 24),
    (1_000_000, 200, 32, 56),
]
LEAST = 1_000_000


def random_codes(num_codes: int, seed: int) -> np.ndarray:
    """int32 [codes, MAX_LENGTH]: 1 to 7 tokens and EOS; half the tokens are one of eight, so that
    prefixes are shared."""
    rng = np.random.default_rng(seed)
    shape = (num_codes * 3 // 2 + 100, MAX_LENGTH)
    tokens = np.where(rng.random(shape) < 0.5, rng.integers(2, 10, shape),
                      rng.integers(2, VOCAB_SIZE, shape))
    lengths, places = rng.integers(1, MAX_LENGTH, (len(tokens), 1)), np.arange(MAX_LENGTH)
    rows = np.where(places < lengths, tokens, np.where(places == lengths, EOS_ID, 0))
    rows = rng.permutation(np.unique(rows.astype(np.int32), axis=0))
    assert len(rows) >= num_codes
    return rows[:num_codes]


@pytest.mark.heavy
@pytest.mark.timeout(3600)
def test_a_million_generated_codes_all_exist():
    num_generated = num_invalid = num_repeated = 0
    num_codes_before = None
    for num_codes, beam_size, batch_size, num_batches in SHAPES:
        if num_codes != num_codes_before:
            codes = random_codes(num_codes, seed=num_codes)
            existing = {row.tobytes() for row in codes}
            trie = jax.device_put(build_trie(codes, vocab_size=VOCAB_SIZE, eos_id=EOS_ID,
                                             max_depth=MAX_LENGTH))
            num_codes_before = num_codes
        rng = np.random.default_rng(beam_size)
        for batch in range(num_batches):
            queries = rng.integers(1, 1000, (batch_size, 3)).astype(np.int32)
            decoder = ScriptedLogits(VOCAB_SIZE, seed=batch, scale=float(2 ** (batch % 5)))
            beams = beam_search(decoder, trie, queries, beam_size=beam_size,
                                endings=("all", "ranked")[batch // 2 % 2])
            alive = np.asarray(beams.alive)
            rows = np.ascontiguousarray(np.asarray(beams.tokens)[alive])
            found = [row.tobytes() for row in rows]
            num_invalid += sum(code not in existing for code in found)
            num_repeated += len(found) - len(set(zip(np.nonzero(alive)[0].tolist(), found)))
            num_generated += len(found)
            assert alive.any(axis=1).all(), "every query finds a code"
    print(f"{num_generated:,} codes generated, {num_invalid} invalid, {num_repeated} repeated")
    assert num_generated >= LEAST
    assert num_invalid == 0
    assert num_repeated == 0
