"""Which of the pairs that a shop's files hold become its clicks, and which its judgments.

Works on whole columns, as a log of clicks has millions of rows. Knows nothing of files.

Index glossary: `row` counts the queries that were met, in order; `product` counts the catalogue.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from gram_jax.core.records import RELEVANT_GRADE

_MOST_PRODUCTS = 1 << 31


def pair_key(row, product):
    """One number for a pair: Python's own integers, or int64 arrays of them."""
    return row * _MOST_PRODUCTS + product


@dataclasses.dataclass(frozen=True)
class RowPairs:
    """Different pairs of a query and a product, in the order in which they were first met.

    Args:
      rows: int32 [pairs].
      products: int32 [pairs].
      amounts: float64 [pairs], weights or grades.
    """

    rows: np.ndarray
    products: np.ndarray
    amounts: np.ndarray

    @classmethod
    def of(cls, keys: Sequence[int], amounts: Sequence[float]) -> "RowPairs":
        """Pairs by `pair_key`; the amounts of equal ones are added up, in order."""
        keys, first, place = np.unique(np.asarray(keys, np.int64), return_index=True,
                                       return_inverse=True)
        summed = np.bincount(place, np.asarray(amounts, np.float64), len(keys))
        order = np.argsort(first)
        rows, products = np.divmod(keys[order], _MOST_PRODUCTS)
        return cls(rows.astype(np.int32), products.astype(np.int32), summed[order])

    @property
    def keys(self) -> np.ndarray:
        """int64 [pairs]."""
        return pair_key(self.rows.astype(np.int64), self.products)

    def where(self, kept: np.ndarray) -> "RowPairs":
        """Some of the pairs; kept: bool [pairs]."""
        return RowPairs(self.rows[kept], self.products[kept], self.amounts[kept])

    def then(self, others: "RowPairs") -> "RowPairs":
        """These pairs and behind them the others."""
        return RowPairs(*(np.concatenate([getattr(self, field.name), getattr(others, field.name)])
                          for field in dataclasses.fields(self)))

    def all_of(self, amount: float) -> "RowPairs":
        """The pairs, with one amount for all."""
        return dataclasses.replace(self, amounts=np.full(len(self.rows), float(amount)))


@dataclasses.dataclass(frozen=True)
class PartedPairs:
    """Pairs put where the splits say they belong.

    Attributes:
      clicks: on train and tune queries.
      judgments: on tune and test queries.
      used: bool [rows], the queries that have any of these.
      num_hidden: clicks left out because their query is a judged shop's test query.
      num_hopeless: judgments left out because no judgment of their query is of a relevant product.
    """

    clicks: RowPairs
    judgments: RowPairs
    used: np.ndarray
    num_hidden: int
    num_hopeless: int


def part_pairs(clicked: RowPairs, judged: RowPairs, splits: Sequence[str],
               is_judged: np.ndarray) -> PartedPairs:
    """Parts what was clicked and what was judged among clicks and judgments.

    Judged pairs of relevant products are clicks where their query is not a test query. Clicked
    pairs are relevant judgments where their query is held out and nobody judged it.

    Args:
      clicked: pairs with the weight of their clicks.
      judged: pairs with their grade.
      splits: of each row.
      is_judged: bool [rows], whether any query of the same text is judged.
    """
    in_train, in_test = (np.array([split == name for split in splits], bool)
                         for name in ("train", "test"))
    hidden = in_test[clicked.rows] & bool(len(judged.rows))
    clicked = clicked.where(~hidden)
    held_out = clicked.where(~in_train[clicked.rows] & ~is_judged[clicked.rows])
    judgments = judged.where(~in_train[judged.rows]).then(held_out.all_of(RELEVANT_GRADE))
    good = judged.where(~in_test[judged.rows] & (judged.amounts >= RELEVANT_GRADE))
    clicks = _clicks_over_judged(clicked.where(~in_test[clicked.rows]), good)

    hopeless = np.zeros(len(splits), bool)
    hopeless[judgments.rows] = True
    hopeless[judgments.rows[judgments.amounts >= RELEVANT_GRADE]] = False
    used = np.zeros(len(splits), bool)
    used[clicks.rows] = used[judgments.rows] = True
    used &= ~hopeless
    num_hopeless = int(hopeless[judgments.rows].sum())
    return PartedPairs(clicks.where(used[clicks.rows]), judgments.where(used[judgments.rows]), used,
                       int(hidden.sum()), num_hopeless)


def _clicks_over_judged(clicked: RowPairs, good: RowPairs) -> RowPairs:
    """Judged pairs as clicks, then the others; a pair that is both weighs what its clicks do."""
    again = np.isin(clicked.keys, good.keys)
    weight_of = dict(zip(clicked.keys[again].tolist(), clicked.amounts[again].tolist()))
    weights = [weight_of.get(key, 1.0) for key in good.keys.tolist()]
    good = dataclasses.replace(good, amounts=np.array(weights, np.float64))
    return good.then(clicked.where(~again))
