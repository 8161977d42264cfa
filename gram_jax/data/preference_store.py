"""Preferences with the log-probabilities of their codes before alignment, as one file.

These are computed once: the model that gave them need not be kept beside the one that is trained.
Knows queries, products and codes as numbers; nothing of tokens or order.
"""

import dataclasses
import functools
import os
import zipfile
from pathlib import Path

import numpy as np

from gram_jax.codes.preferences import NONE, Preferences
from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError

_SIDES = ("query", "product")


@dataclasses.dataclass(frozen=True, eq=False)
class CodeLogProbs:
    """Log-probabilities of codes given the texts of one side.

    Args:
      texts: int32 [n], the number of a text.
      codes: int32 [n], a code; (text, code) rises and is unique.
      token_log_probs: float32 [n, length], ln p of each token, 0 after EOS.
      num_codes: above every code.

    Raises:
      ValueError: the arrays do not fit together, or do not rise.
    """

    texts: np.ndarray
    codes: np.ndarray
    token_log_probs: np.ndarray
    num_codes: int

    def __post_init__(self):
        if not len(self.texts) == len(self.codes) == len(self.token_log_probs):
            raise ValueError(f"{len(self.texts)} texts, {len(self.codes)} codes and "
                             f"{len(self.token_log_probs)} rows of log-probabilities")
        if np.any(np.diff(self._keys) <= 0):
            raise ValueError("the pairs of text and code do not rise")

    @functools.cached_property
    def _keys(self) -> np.ndarray:
        return self.texts.astype(np.int64) * self.num_codes + self.codes

    def find(self, texts: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Log-probabilities by token, float32 [rows, codes, length]; 0 where there is no code.

        Args:
          texts: int [rows].
          codes: int [rows, codes], NONE where there is no code.

        Raises:
          ValueError: a code was not scored for its text.
        """
        wanted = texts[:, None].astype(np.int64) * self.num_codes + codes
        keys = self._keys
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        exists = codes != NONE
        if np.any((keys[place] != wanted) & exists):
            raise ValueError("a code has no log-probability under its text")
        return np.where(exists[..., None], self.token_log_probs[place], np.float32(0))


def codes_of_texts(preferences: Preferences, text_of_pair: np.ndarray,
                   num_codes: int) -> tuple[np.ndarray, np.ndarray]:
    """Which codes have to be scored given which texts of one side.

    Args:
      preferences: winners, losers and positives.
      text_of_pair: int32 [pairs], the text of each clicked pair on this side.
      num_codes: above every code.

    Returns:
      int32 [n] texts and codes, rising and unique: `CodeLogProbs.texts` and `.codes`.
    """
    texts = text_of_pair[preferences.pairs].astype(np.int64)[:, None]
    codes = np.concatenate([preferences.winners[:, None], preferences.losers,
                            preferences.positives], axis=1)
    keys = np.unique((texts * num_codes + codes)[codes != NONE])
    return tuple(part.astype(np.int32) for part in np.divmod(keys, num_codes))


@dataclasses.dataclass(frozen=True, eq=False)
class PreferenceStore:
    """What co-alignment learns from.

    Args:
      query_ids: of the clicked pairs' queries.
      product_ids: of the clicked pairs' products.
      pair_queries: int32 [pairs], numbers in `query_ids`.
      pair_products: int32 [pairs], numbers in `product_ids`.
      preferences: over these pairs.
      of_queries: every code of the preferences given its query, before alignment.
      of_products: likewise given its product.
      table_digest: of the codes.
      params_digest: of the model before alignment.
    """

    query_ids: tuple[str, ...]
    product_ids: tuple[str, ...]
    pair_queries: np.ndarray
    pair_products: np.ndarray
    preferences: Preferences
    of_queries: CodeLogProbs
    of_products: CodeLogProbs
    table_digest: str
    params_digest: str

    def save(self, path: str | os.PathLike) -> None:
        """Writes an .npz file, whole or not at all."""
        arrays = {
            "query_ids": np.array(self.query_ids, np.str_),
            "product_ids": np.array(self.product_ids, np.str_),
            "pair_queries": self.pair_queries, "pair_products": self.pair_products,
            "digests": np.array([self.table_digest, self.params_digest], np.str_)}
        for field in dataclasses.fields(Preferences):
            arrays[f"preferences.{field.name}"] = getattr(self.preferences, field.name)
        for side, scored in zip(_SIDES, (self.of_queries, self.of_products)):
            for field in dataclasses.fields(CodeLogProbs):
                arrays[f"{side}.{field.name}"] = getattr(scored, field.name)
        with atomic_file(path, "wb") as stream:
            np.savez(stream, **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike, *, table_digest: str,
             params_digest: str) -> "PreferenceStore":
        """Reads what `save` wrote.

        Args:
          path: the file.
          table_digest: of the codes it must be of.
          params_digest: of the model that it must be scored with.

        Raises:
          ArtifactError: the file is missing or damaged, or belongs to other codes or parameters.
        """
        path = Path(path)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                store = cls(
                    tuple(arrays["query_ids"].tolist()), tuple(arrays["product_ids"].tolist()),
                    arrays["pair_queries"], arrays["pair_products"],
                    Preferences(**_fields(arrays, "preferences", Preferences)),
                    *(CodeLogProbs(**_fields(arrays, side, CodeLogProbs)) for side in _SIDES),
                    *arrays["digests"].tolist())
        except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError,
                zipfile.BadZipFile) as error:
            raise ArtifactError(f"{path}: these preferences cannot be read ({error}). "
                                "Remove the file to build them again.") from error
        if (store.table_digest, store.params_digest) != (table_digest, params_digest):
            raise ArtifactError(
                f"{path}: these preferences are of codes {store.table_digest} and parameters "
                f"{store.params_digest}, not {table_digest} and {params_digest}. Remove the file "
                "to build them again.")
        return store


def _fields(arrays, prefix: str, of: type) -> dict:
    """The stored fields of a dataclass; what was a number is one again."""
    found = {field.name: arrays[f"{prefix}.{field.name}"] for field in dataclasses.fields(of)}
    return {name: array.item() if array.ndim == 0 else array for name, array in found.items()}
