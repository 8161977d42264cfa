"""Sets of values that occur together, and the products which hold all values of a set.

Index glossary: a bag is a row of value numbers, most telling first, padded with -1; a subset is a
tuple of value numbers. Knows neither texts nor queries.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

Subset = tuple[int, ...]


def frequent_subsets(bags: np.ndarray, *, max_values: int, min_bags: int,
                     is_redundant: Callable[[int, int], bool]) -> set[Subset]:
    """The subsets of at most `max_values` values which lie in at least `min_bags` bags.

    A larger set is looked for only where its part without the last value is frequent, so one sort
    of the surviving (part, value) pairs a level counts them all.

    Args:
      bags: int [bags, width], values unique within a row, -1 where padded.
      is_redundant: whether two values say the same, so that no set should hold both.

    Returns:
      Subsets with their values rising.
    """
    bags = np.sort(bags, axis=1).astype(np.int64)
    num_values = int(bags.max(initial=-1)) + 1
    found: list[Subset] = [()]
    rows, columns = np.arange(len(bags)), np.full(len(bags), -1)
    parts = np.zeros(len(bags), np.int64)  # place in `found` of the part that a row extends
    everything: set[Subset] = set()
    for _ in range(max_values):
        grown = _extend(bags, parts, rows, columns)
        if grown is None:
            break
        parts, rows, columns, values = grown
        keys, inverse, counts = np.unique(parts * num_values + values, return_inverse=True,
                                          return_counts=True)
        level, place = [], np.full(len(keys), -1)
        for at, (key, count) in enumerate(zip(keys.tolist(), counts.tolist())):
            part, value = divmod(key, num_values)
            if count >= min_bags and not any(is_redundant(other, value) for other in found[part]):
                place[at] = len(level)
                level.append((*found[part], value))
        parts = place[inverse]
        kept = parts >= 0
        parts, rows, columns, found = parts[kept], rows[kept], columns[kept], level
        everything.update(level)
    return everything


def _extend(bags, parts, rows, columns):
    """Every (part, later value of its bag), or None where no bag has a later value."""
    pieces = []
    for column in range(bags.shape[1]):
        values = bags[rows, column]
        able = np.flatnonzero((columns < column) & (values >= 0))
        pieces.append((parts[able], rows[able], np.full(len(able), column), values[able]))
    joined = tuple(np.concatenate(part) for part in zip(*pieces)) if pieces else None
    return joined if joined is not None and len(joined[0]) else None


def subset_postings(subsets: Iterable[Subset], value_postings: Sequence[np.ndarray], *,
                    min_products: Callable[[int], int], max_products: int,
                    ) -> Iterator[tuple[Subset, np.ndarray]]:
    """Each subset with the products that hold all its values, where their number is in bounds.

    Rarest values come first, so that intersections start small, and subsets are walked in order,
    so that a shared beginning is intersected once.

    Args:
      subsets: with values in any order, unique as sets.
      value_postings: rising int32 products of every value.
      min_products: floor by number of values.
      max_products: ceiling.

    Yields:
      (subset with its values rising, rising products).
    """
    size = [len(row) for row in value_postings]
    ordered = sorted(tuple(sorted(subset, key=lambda value: (size[value], value)))
                     for subset in subsets)
    values: list[int] = []
    products: list[np.ndarray] = []
    for subset in ordered:
        shared = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1],
                                                    zip(values, subset)))
        del values[shared:], products[shared:]
        for value in subset[shared:]:
            row = value_postings[value]
            values.append(value)
            products.append(_intersect(products[-1], row) if products else row)
        if min_products(len(subset)) <= len(products[-1]) <= max_products:
            yield tuple(sorted(subset)), products[-1]


def _intersect(few: np.ndarray, many: np.ndarray) -> np.ndarray:
    """The part of `few` that is in `many`; both rising."""
    if not len(many):
        return many
    return few[many[np.minimum(np.searchsorted(many, few), len(many) - 1)] == few]
