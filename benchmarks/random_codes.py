"""Random codes by the million, in little more memory than they take themselves."""

import numpy as np

EOS_ID = 1
MAX_LENGTH = 13
_EXPONENT, _TABLE_SIZE, _CHUNK = 1.2, 1 << 20, 1 << 18


def random_codes(num_codes: int, vocab_size: int, *, min_length: int = 3,
                 seed: int = 0) -> np.ndarray:
    """int32 [codes, 14], distinct: 3 to 13 tokens, long-tailed as brands are, and EOS."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((num_codes, MAX_LENGTH + 1), np.int32)
    weights = rng.integers(1, 2**63, MAX_LENGTH + 1, dtype=np.uint64) | np.uint64(1)
    hashes = np.zeros(num_codes, np.uint64)
    # Tokens are drawn by looking up a uniform number in the law's quantiles.
    law = np.arange(1, vocab_size - 1) ** -_EXPONENT
    tail = np.sum(np.arange(vocab_size - 1, 10**6) ** -_EXPONENT) + 10.0 ** (-0.2 * 6) / 0.2
    quantiles = np.searchsorted(np.cumsum(law) / (law.sum() + tail),
                                (np.arange(_TABLE_SIZE) + 0.5) / _TABLE_SIZE) + 2
    quantiles = quantiles.astype(np.int32)
    missing = np.arange(num_codes)
    while len(missing):
        for start in range(0, len(missing), _CHUNK):
            chunk = missing[start : start + _CHUNK]
            rows[chunk] = _draw(rng, len(chunk), min_length, vocab_size, quantiles)
            hashes[chunk] = (rows[chunk].astype(np.uint64) * weights).sum(axis=1)
        # Distinct hashes are distinct codes; of those that share one, one stays.
        by_hash = np.argsort(hashes)
        missing = by_hash[1:][np.diff(hashes[by_hash]) == 0]
    return rows


def _draw(rng: np.random.Generator, num: int, min_length: int, vocab_size: int,
          quantiles: np.ndarray) -> np.ndarray:
    tokens = quantiles[rng.integers(0, _TABLE_SIZE, (num, MAX_LENGTH + 1), dtype=np.int32)]
    # What lies beyond the vocabulary is spread over it evenly.
    tokens = np.where(tokens < vocab_size, tokens,
                      rng.integers(2, vocab_size, tokens.shape, dtype=np.int32))
    places, lengths = np.arange(MAX_LENGTH + 1), rng.integers(min_length, MAX_LENGTH + 1, (num, 1))
    return np.where(places < lengths, tokens, np.where(places == lengths, EOS_ID, 0))
