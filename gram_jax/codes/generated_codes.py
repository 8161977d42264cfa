"""The codes that a generator wrote for texts, best first, with their probabilities.

Knows numbers of codes in a table; nothing of models, nor whether a row is a query or a product.
"""

import dataclasses
import functools
import json
import os
from pathlib import Path

import numpy as np

from gram_jax.codes.code_table import CodeTable
from gram_jax.core.atomic import atomic_directory
from gram_jax.core.digest import digest_arrays, digest_texts
from gram_jax.core.errors import ArtifactError

_ARRAYS, _FACTS = "arrays.npz", "generated_codes.json"
_DTYPES = {"starts": np.int64, "codes": np.int32, "log_probs": np.float32}


@dataclasses.dataclass(frozen=True, eq=False)
class GeneratedCodes:
    """Codes of rows, which are queries or products, as compressed rows.

    Args:
      ids: unique, the query or product of each row.
      starts: int64 [rows + 1]; row r has the pairs `starts[r]` up to `starts[r + 1]`, or none.
      codes: int32 [pairs], code_ids of the table; in a row each but once, best first.
      log_probs: float32 [pairs], ln p(code | text) of the whole code; falls within a row.
      table_digest: of the `CodeTable` whose code_ids these are.

    Raises:
      ValueError: any of this does not hold.
    """

    ids: tuple[str, ...]
    starts: np.ndarray
    codes: np.ndarray
    log_probs: np.ndarray
    table_digest: str

    def __post_init__(self):
        for name, dtype in _DTYPES.items():
            array = getattr(self, name)
            if array.dtype != dtype or array.ndim != 1:
                raise ValueError(f"{name} is {array.dtype} with {array.ndim} axes, not "
                                 f"{np.dtype(dtype)} [n]")
        _check(self)

    @property
    def num_rows(self) -> int:
        """How many texts there are."""
        return len(self.ids)

    @functools.cached_property
    def rows(self) -> np.ndarray:
        """The row of each pair, beside `codes`: int64 [pairs]."""
        return np.repeat(np.arange(self.num_rows), np.diff(self.starts))

    @functools.cached_property
    def ranks(self) -> np.ndarray:
        """Each pair's place in its row, 0 for the best: int64 [pairs]."""
        return np.arange(len(self.codes)) - self.starts[self.rows]

    @functools.cached_property
    def row_of_id(self) -> dict[str, int]:
        """row by id."""
        return {name: row for row, name in enumerate(self.ids)}

    def of(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """The code_ids of a row, best first, and their log-probabilities: int32, float32 [n]."""
        if not 0 <= row < self.num_rows:
            raise ValueError(f"row {row} is not among {self.num_rows}")
        pairs = slice(*self.starts[row:row + 2])
        return self.codes[pairs], self.log_probs[pairs]

    def only(self, kept: np.ndarray) -> "GeneratedCodes":
        """The same rows with only those pairs for which `kept` (bool [pairs]) holds."""
        if kept.shape != self.codes.shape or kept.dtype != bool:
            raise ValueError(f"kept is {kept.dtype} {kept.shape}, not bool {self.codes.shape}")
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])
        return dataclasses.replace(self, starts=before[self.starts], codes=self.codes[kept],
                                   log_probs=self.log_probs[kept])

    def best(self, max_codes: int, *, min_log_prob: float | None = None) -> "GeneratedCodes":
        """The first `max_codes` of each row, and of these those at least so probable."""
        kept = self.ranks < max_codes
        return self.only(kept if min_log_prob is None else kept & (self.log_probs >= min_log_prob))

    def check_table(self, code_table: CodeTable) -> None:
        """Raises an ArtifactError where the code_ids are those of another table."""
        if code_table.digest != self.table_digest:
            raise ArtifactError(f"these codes were generated for the code table "
                                f"{self.table_digest}, not for {code_table.digest}: generate them "
                                "again")

    def united_with(self, code_table: CodeTable) -> CodeTable:
        """The table whose postings are its own and these codes of its products.

        Raises:
          ArtifactError: the code_ids are those of another table, or a row is none of its products.
        """
        self.check_table(code_table)
        place_of = {product_id: at for at, product_id in enumerate(code_table.product_ids)}
        unknown = [name for name in self.ids if name not in place_of]
        if unknown:
            raise ArtifactError(f"{unknown[0]!r} and {len(unknown) - 1} more are no products of "
                                "the code table: only its products' codes can be united with it")
        places = np.array([place_of[name] for name in self.ids], np.int64)
        return code_table.united(self.codes, places[self.rows])

    @functools.cached_property
    def digest(self) -> str:
        """Of all of the above."""
        return digest_texts([digest_texts(self.ids), self.table_digest,
                             digest_arrays({name: getattr(self, name) for name in _DTYPES})])

    def save(self, folder: str | os.PathLike) -> None:
        """Writes a folder, whole or not at all."""
        with atomic_directory(folder) as fresh:
            np.savez(fresh / _ARRAYS, **{name: getattr(self, name) for name in _DTYPES})
            (fresh / _FACTS).write_text(json.dumps({
                "table_digest": self.table_digest, "digest": self.digest,
                "ids": self.ids}, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "GeneratedCodes":
        """Reads what `save` wrote.

        Raises:
          ArtifactError: a file is missing or damaged, or the content is not what was written.
        """
        folder = Path(folder)
        try:
            facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
            with np.load(folder / _ARRAYS, allow_pickle=False) as arrays:
                found = cls(tuple(facts["ids"]), **{name: arrays[name] for name in _DTYPES},
                            table_digest=facts["table_digest"])
            digest = facts["digest"]
        except OSError as error:
            raise ArtifactError(f"{folder}: cannot read generated codes ({error})") from error
        except Exception as error:  # zip, JSON and validation errors share no narrower base
            raise ArtifactError(f"{folder}: the generated codes are damaged ({error})") from error
        if found.digest != digest:
            raise ArtifactError(f"{folder}: the generated codes are not those that were written "
                                f"(digest {found.digest}, expected {digest})")
        return found


def _check(generated: GeneratedCodes) -> None:
    starts, codes, log_probs = generated.starts, generated.codes, generated.log_probs
    if len(set(generated.ids)) != len(generated.ids):
        raise ValueError("an id is there twice")
    if (len(starts) != len(generated.ids) + 1 or starts[0] != 0 or starts[-1] != len(codes)
            or np.any(np.diff(starts) < 0)):
        raise ValueError(f"starts does not divide {len(codes)} codes among "
                         f"{len(generated.ids)} rows")
    if len(log_probs) != len(codes):
        raise ValueError(f"{len(log_probs)} log_probs for {len(codes)} codes")
    if len(codes) and codes.min() < 0:
        raise ValueError("a code_id is negative")
    if not (np.isfinite(log_probs) & (log_probs <= 0)).all():
        raise ValueError("a log_prob is above 0 or not finite")
    rises = np.diff(log_probs) > 0
    if np.any(rises & (np.diff(generated.rows) == 0)):
        raise ValueError("the codes of a row are not in the order of their log_probs")
    keys = generated.rows * (int(codes.max(initial=0)) + 1) + codes
    if len(np.unique(keys)) != len(keys):
        raise ValueError("a row has a code twice")
