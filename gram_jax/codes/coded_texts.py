"""Training examples as arrays: texts with their codes as numbers of a table.

What `codes.examples` keeps as text; here codes can be compared and added to.
"""

import dataclasses
import functools
from collections.abc import Iterable, Iterator

import numpy as np

from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.examples import CodeExample
from gram_jax.core.errors import ArtifactError


@dataclasses.dataclass(frozen=True, eq=False)
class CodedTexts:
    """Texts and their codes, as compressed rows.

    Args:
      ids: of queries or of products, unique.
      texts: what the generator reads of each, without its prompt.
      starts: int64 [rows + 1]; row r has the codes `codes[starts[r]:starts[r + 1]]`, or none.
      codes: int32 [pairs], code_ids of the table; in a row each but once, best first.
      code_table: whose code_ids these are.

    Raises:
      ValueError: any of this does not hold.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    starts: np.ndarray
    codes: np.ndarray
    code_table: CodeTable

    def __post_init__(self):
        if (self.starts.dtype, self.codes.dtype) != (np.int64, np.int32):
            raise ValueError(f"starts and codes are {self.starts.dtype} and {self.codes.dtype}, "
                             "not int64 and int32")
        if len(self.texts) != len(self.ids) or len(set(self.ids)) != len(self.ids):
            raise ValueError("texts and ids differ in number, or an id is there twice")
        starts = self.starts
        if len(starts) != len(self.ids) + 1 or starts[0] != 0 or np.any(np.diff(starts) < 0) \
                or starts[-1] != len(self.codes):
            raise ValueError(f"starts do not divide {len(self.codes)} codes among "
                             f"{len(self.ids)} rows")
        if len(self.codes) and not 0 <= self.codes.min() <= self.codes.max() \
                < self.code_table.num_codes:
            raise ValueError(f"a code is outside the table of {self.code_table.num_codes}")
        if len(self.keys) != len(self.codes):
            raise ValueError("a row has a code twice")

    @classmethod
    def of_examples(cls, examples: Iterable[CodeExample], code_table: CodeTable) -> "CodedTexts":
        """The examples in their order.

        Raises:
          ArtifactError: a code is not in the table.
        """
        number = code_table.id_of_text
        ids, texts, codes, sizes = [], [], [], [0]
        for example in examples:
            ids.append(example.example_id)
            texts.append(example.text)
            sizes.append(len(example.codes))
            try:
                codes.extend(number[code] for code in example.codes)
            except KeyError as unknown:
                raise ArtifactError(f"the example of {example.example_id!r} has the code "
                                    f"{unknown}, which the code table lacks: run the codes stage "
                                    "again") from None
        return cls(tuple(ids), tuple(texts), np.cumsum(sizes, dtype=np.int64),
                   np.array(codes, np.int32), code_table)

    def examples(self) -> Iterator[CodeExample]:
        """The rows that have codes, as examples."""
        names = [code.text for code in self.code_table.codes]
        for row, (example_id, text) in enumerate(zip(self.ids, self.texts)):
            codes = self.codes[self.starts[row]:self.starts[row + 1]]
            if len(codes):
                yield CodeExample(example_id, text, tuple(names[code] for code in codes.tolist()))

    @property
    def rows(self) -> np.ndarray:
        """The row of every pair, beside `codes`: int64 [pairs]."""
        return np.repeat(np.arange(len(self.ids)), np.diff(self.starts))

    @functools.cached_property
    def keys(self) -> np.ndarray:
        """`keys_of` every pair, unique and rising: int64 [pairs]."""
        return np.unique(self.keys_of(self.rows, self.codes))

    def keys_of(self, rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """One number for each pair of a row and a code: int64, of their shape."""
        return rows.astype(np.int64) * self.code_table.num_codes + codes

    def holds(self, rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Whether each row has each code: bool, of their shape."""
        return np.isin(self.keys_of(rows, codes), self.keys)

    def with_rows(self, ids: Iterable[str], texts: Iterable[str]) -> "CodedTexts":
        """These rows, and behind them those of the given ids that are not there, without codes."""
        known = set(self.ids)
        more = [(key, text) for key, text in zip(ids, texts, strict=True) if key not in known]
        return dataclasses.replace(
            self, ids=self.ids + tuple(key for key, _ in more),
            texts=self.texts + tuple(text for _, text in more),
            starts=np.concatenate([self.starts, np.full(len(more), self.starts[-1])]))

    def with_codes(self, rows: np.ndarray, codes: np.ndarray) -> "CodedTexts":
        """The same rows with further codes behind their own.

        Args:
          rows: int [n], in any order.
          codes: int [n], of each row in the order they shall stand; none that it has.

        Raises:
          ValueError: a row would have a code twice.
        """
        all_rows = np.concatenate([self.rows, rows])
        order = np.argsort(all_rows, kind="stable")
        counts = np.bincount(all_rows, minlength=len(self.ids))
        return dataclasses.replace(
            self, starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            codes=np.concatenate([self.codes, codes])[order].astype(np.int32))
