"""What mining decided about every set of values it counted, so that each can be explained.

Knows values as numbers of the products' value table; nothing of texts or queries.
"""

import dataclasses
import enum
import os
from pathlib import Path

import numpy as np

from gram_jax.core.atomic import atomic_file
from gram_jax.core.errors import ArtifactError

_FILE = "decisions.npz"


class Fate(enum.IntEnum):
    """What became of a candidate."""

    CHOSEN = 0
    RESCUED = 1
    TOO_FEW_PRODUCTS = 2
    TOO_MANY_PRODUCTS = 3
    SAME_WORDS = 4
    TOO_FEW_VOTES = 5
    TOO_SMALL_AFTER_CAP = 6

    @property
    def reason(self) -> str:
        """For people."""
        return _REASONS[self]


_REASONS = {
    Fate.CHOSEN: "chosen by its products",
    Fate.RESCUED: "kept because nothing else finds some of its products",
    Fate.TOO_FEW_PRODUCTS: "fewer products than the floor",
    Fate.TOO_MANY_PRODUCTS: "more products than the ceiling",
    Fate.SAME_WORDS: "a better code is made of the same words",
    Fate.TOO_FEW_VOTES: "too few of its products would be asked for by it",
    Fate.TOO_SMALL_AFTER_CAP: "below the floor once its products kept only their best codes",
}


@dataclasses.dataclass(frozen=True)
class Decision:
    """What was decided about one set of values.

    Args:
      fate: what became of it.
      num_products: that hold all its values.
      num_votes: products that voted for it.
      worth: what votes went by: log certainty with which queries name it, and its size; None
        where it was not weighed.
    """

    fate: Fate
    num_products: int
    num_votes: int
    worth: float | None


@dataclasses.dataclass(frozen=True, eq=False)
class Decisions:
    """Every candidate and what became of it.

    Args:
      subsets: int32 [candidates, width], rising value numbers padded with -1, rows in lexical
        order.
      fates: int8 [candidates], of `Fate`.
      sizes: int32 [candidates], products that hold all values.
      votes: int32 [candidates].
      worths: float32 [candidates], NaN where not weighed.
    """

    subsets: np.ndarray
    fates: np.ndarray
    sizes: np.ndarray
    votes: np.ndarray
    worths: np.ndarray

    def of_subset(self, values: tuple[int, ...]) -> Decision | None:
        """What was decided about a set of rising value numbers; None when it never was counted."""
        width = self.subsets.shape[1]
        if not len(values) <= width:
            return None
        wanted = np.array([*values, *[-1] * (width - len(values))])
        low, high = 0, len(self.subsets)
        for column, value in enumerate(wanted.tolist()):
            part = self.subsets[low:high, column]
            low, high = (low + int(np.searchsorted(part, value, side=side))
                         for side in ("left", "right"))
        if low == high:
            return None
        worth = float(self.worths[low])
        return Decision(Fate(int(self.fates[low])), int(self.sizes[low]), int(self.votes[low]),
                        None if np.isnan(worth) else worth)

    def counts(self) -> dict[str, int]:
        """How many candidates had each fate."""
        found = np.bincount(self.fates, minlength=len(Fate))
        return {fate.name.lower(): int(found[fate]) for fate in Fate}

    def save(self, folder: str | os.PathLike) -> None:
        """Writes one file into `folder`."""
        with atomic_file(Path(folder) / _FILE, "wb") as stream:
            np.savez_compressed(stream, **{field.name: getattr(self, field.name)
                                           for field in dataclasses.fields(self)})

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "Decisions":
        """Reads what `save` wrote.

        Raises:
          ArtifactError: the file is missing or damaged.
        """
        try:
            with np.load(Path(folder) / _FILE, allow_pickle=False) as arrays:
                return cls(**{field.name: arrays[field.name]
                              for field in dataclasses.fields(cls)})
        except Exception as error:  # zip and key errors share no narrower base
            raise ArtifactError(f"{folder} holds no readable {_FILE} ({error}): run the codes "
                                "stage again") from error
