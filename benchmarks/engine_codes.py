"""Codes and queries for the engine's benchmarks, as token rows.

Codes are int32 [codes, length] with EOS behind each and 0 after it, distinct, in no order.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gram_jax.codes.code_table import CodeTable
from gram_jax.text.encoding import encode_codes
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary
from gram_jax.trie.builder import build_trie

EOS_ID = 1
QUERY_LENGTH = 16


def random_codes(num_codes: int, vocab_size: int, *, min_length: int = 3, max_length: int = 13,
                 seed: int = 0) -> np.ndarray:
    """Codes of 3 to 13 tokens and EOS; their tokens are long-tailed, as brands are."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(1, 2**63, max_length + 1, dtype=np.uint64) | np.uint64(1)
    kept = np.zeros((0, max_length + 1), np.int32)
    while len(kept) < num_codes:
        size = (num_codes - len(kept)) * 5 // 4 + 64
        # The tail of a zipf law beyond the vocabulary is spread over it evenly.
        tokens = np.minimum(rng.zipf(1.2, (size, max_length)) + 1, vocab_size)
        tokens = np.where(tokens < vocab_size, tokens, rng.integers(2, vocab_size, tokens.shape))
        lengths = rng.integers(min_length, max_length + 1, (size, 1))
        places = np.arange(max_length + 1)
        rows = np.where(places < lengths, np.pad(tokens, ((0, 0), (0, 1))), 0)
        rows = np.where(places == lengths, EOS_ID, rows).astype(np.int32)
        kept = np.concatenate([kept, rows])
        # Distinct hashes are distinct codes; of two that share one the second is dropped.
        hashes = (kept.astype(np.uint64) * weights).sum(axis=1, dtype=np.uint64)
        kept = kept[np.sort(np.unique(hashes, return_index=True)[1])]
    return kept[:num_codes]


def random_queries(num_queries: int, vocab_size: int, seed: int = 1) -> np.ndarray:
    """int32 [queries, QUERY_LENGTH], EOS at the end."""
    rows = np.random.default_rng(seed).integers(2, vocab_size, (num_queries, QUERY_LENGTH))
    rows[:, -1] = EOS_ID
    return rows.astype(np.int32)


def mined_codes(folder: Path, vocab_size: int, titles: Path | None = None) -> np.ndarray:
    """The codes of a `CodeTable` folder, spelled by a vocabulary trained on them.

    Args:
      folder: a code table, or the folder of the stage 'codes', which holds one.
      vocab_size: of the vocabulary.
      titles: a JSON-lines file of products whose titles the vocabulary is to spell as well.
    """
    table = CodeTable.load(folder / "table" if (folder / "table").is_dir() else folder)
    texts = [code.text for code in table.codes]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "vocabulary.model"
        train_vocabulary([*texts, *_titles(titles)], vocab_size=vocab_size, path=path)
        vocabulary = SentencePieceVocabulary.load(path)
    return distinct(encode_codes(vocabulary, texts))


def distinct(rows: np.ndarray) -> np.ndarray:
    """The rows without repeats (two codes may be spelled alike)."""
    return rows[np.sort(np.unique(rows, axis=0, return_index=True)[1])]


def _titles(path: Path | None) -> Iterator[str]:
    if path is not None:
        with path.open(encoding="utf-8") as lines:
            yield from (json.loads(line)["title"] for line in lines)


def code_lists(rows: np.ndarray) -> list[tuple[int, ...]]:
    """The tokens of each code, without EOS."""
    return [tuple(row[: row.index(EOS_ID)]) for row in rows.tolist()]


def trie_of(rows: np.ndarray, vocab_size: int):
    """The device trie of these codes, of NumPy arrays."""
    return build_trie(rows, vocab_size=vocab_size, eos_id=EOS_ID)
