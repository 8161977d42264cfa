"""Codes and queries for the engine's benchmarks, as token rows.

Codes are int32 [codes, length] with EOS behind each and 0 after it, distinct, in no order.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from random_codes import EOS_ID

from gram_jax.codes.code_table import CodeTable
from gram_jax.text.encoding import encode_codes
from gram_jax.text.vocabulary import SentencePieceVocabulary, train_vocabulary
from gram_jax.trie.builder import build_trie

QUERY_LENGTH = 16


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
