"""Sets of values that occur together, and the products which hold all values of a set.

Index glossary: a bag is a row of value numbers, padded with -1; a subset is a row of
rising value numbers, padded with -1 at its end. Knows neither texts nor queries.
"""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from gram_jax.core.parallel import MapShards, map_here

_BAGS_A_SHARD = 1 << 18
_SUBSETS_A_SHARD = 1 << 16


def frequent_subsets(bags: np.ndarray, *, max_values: int, min_bags: int,
                     said: Sequence[frozenset[str]],
                     map_shards: MapShards = map_here) -> np.ndarray:
    """The subsets of at most `max_values` values which lie in at least `min_bags` bags.

    No subset holds two values of which one says all that the other says ('sink' beside 'kitchen
    sink'). A larger set is looked for only where its part without the last value is frequent, so
    one sort of the surviving (part, value) pairs a level counts them all. Subsets that begin with
    different values are counted apart, which bounds the memory.

    Args:
      bags: int [bags, width], values unique within a row.
      max_values: of a subset.
      min_bags: see above.
      said: the words of every value.
      map_shards: where the counting runs.

    Returns:
      int32 [subsets, max_values], unique, rows in lexical order of their values.
    """
    grow = functools.partial(_grow, max_values=max_values, min_bags=min_bags, said=said)
    found = [part for part in map_shards(grow, _by_first_value(bags, min_bags)) if len(part)]
    if not found:
        return np.zeros((0, max_values), np.int32)
    return np.concatenate(found)


def _by_first_value(bags: np.ndarray, min_bags: int) -> Iterator[np.ndarray]:
    """Bags whose first value is the beginning of the subsets to count in them, in shards.

    Each bag appears once for each of its frequent values, cut before it; a shard has all bags
    of its first values.
    """
    num_values = int(bags.max(initial=-1)) + 1
    counts = np.bincount(bags[bags >= 0], minlength=num_values)
    frequent = np.append(counts >= min_bags, False)
    kept = np.where((bags >= 0) & frequent[bags], bags, num_values)
    kept = np.sort(kept, axis=1).astype(np.int32)  # infrequent values last
    rows, columns = np.nonzero(kept < num_values)
    values = kept[rows, columns]
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(np.where(frequent[:num_values], counts, 0))
    cuts, last = [0], 0
    for at, end in enumerate(ends):
        if end - last >= _BAGS_A_SHARD or at == num_values - 1:
            cuts.append(int(end))
            last = end
    for start, end in itertools.pairwise(cuts):
        chosen = order[start:end]
        if len(chosen):
            place = columns[chosen, None] + np.arange(kept.shape[1])
            inside = np.minimum(place, kept.shape[1] - 1)
            tails = np.where(place < kept.shape[1], kept[rows[chosen, None], inside], num_values)
            yield np.where(tails < num_values, tails, -1).astype(np.int32)


def _grow(tails: np.ndarray, *, max_values: int, min_bags: int,
          said: Sequence[frozenset[str]]) -> np.ndarray:
    """The frequent subsets that begin with the first value of each row of `tails`."""
    num_values = len(said)
    firsts, parts = np.unique(tails[:, 0], return_inverse=True)
    level = np.full((len(firsts), max_values), -1, np.int32)
    level[:, 0] = firsts
    everything = [level]
    rows, columns = np.arange(len(tails), dtype=np.int32), np.zeros(len(tails), np.int8)
    for size in range(1, max_values):
        rows, columns, keys = _extend(tails, parts, rows, columns, num_values)
        if not len(keys):
            break
        unique, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
        enough = np.flatnonzero(counts >= min_bags)
        part, value = np.divmod(unique[enough], num_values)
        plain = np.array([not any(_redundant(said[other], said[new])
                                  for other in level[one, :size].tolist())
                          for one, new in zip(part.tolist(), value.tolist())], bool)
        enough, part, value = enough[plain], part[plain], value[plain]
        grown = level[part]
        grown[:, size] = value
        place = np.full(len(unique), -1, np.int64)
        place[enough] = np.arange(len(enough))
        parts = place[inverse]
        alive = parts >= 0
        parts, rows, columns, level = parts[alive], rows[alive], columns[alive], grown
        everything.append(level)
    found = np.concatenate(everything)
    return found[np.lexsort(found.T[::-1])]


def _extend(tails, parts, rows, columns, num_values: int):
    """Every (part, later value of its bag), as rows, columns and keys of both numbers."""
    pieces = []
    for column in range(1, tails.shape[1]):
        able = np.flatnonzero((columns < column) & (tails[rows, column] >= 0))
        pieces.append((rows[able], np.full(len(able), column, np.int8),
                       parts[able] * num_values + tails[rows[able], column]))
    if not pieces:
        return rows[:0], columns[:0], parts[:0]
    return tuple(np.concatenate(part) for part in zip(*pieces))


def _redundant(one: frozenset[str], other: frozenset[str]) -> bool:
    return one <= other or other <= one


def subset_postings(subsets: np.ndarray, value_postings: Sequence[np.ndarray], *,
                    min_products: Callable[[int], int], max_products: int,
                    map_shards: MapShards = map_here) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The products that hold all values of each subset, where their number is in bounds.

    Rarest values come first, so that intersections start small, and subsets are walked in order,
    so that a shared beginning is intersected once.

    Args:
      subsets: int [subsets, width].
      value_postings: rising int32 products of every value.
      min_products: floor by number of values.
      max_products: ceiling.
      map_shards: where the intersections are made.

    Returns:
      sizes: int64 [subsets], products that hold all values.
      in_bounds: rising int64, the subsets within bounds.
      products: int32, those of the first subset within bounds, then of the next, each rising.
    """
    if not len(subsets):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int32)
    rarest = _rarest_first(subsets, np.array([len(row) for row in value_postings] + [0], np.int64))
    order = np.lexsort(rarest.T[::-1])
    floors = np.array([min_products(max(1, num_values))
                       for num_values in range(subsets.shape[1] + 1)])
    shards = (rarest[order[start:start + _SUBSETS_A_SHARD]]
              for start in range(0, len(order), _SUBSETS_A_SHARD))
    intersect = functools.partial(_intersections, value_postings=value_postings, floors=floors,
                                  max_products=max_products)
    found_sizes, found_products = zip(*map_shards(intersect, shards))
    sizes = np.zeros(len(subsets), np.int64)
    sizes[order] = np.concatenate(found_sizes)
    within = (sizes >= floors[(subsets >= 0).sum(axis=1)]) & (sizes <= max_products)
    in_walk = order[within[order]]
    walk_starts = np.concatenate([[0], np.cumsum(sizes[in_walk])])
    place = np.argsort(in_walk, kind="stable")
    return sizes, in_walk[place], _rows_in_order(np.concatenate(found_products), walk_starts, place)


def _rarest_first(subsets: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The values of each subset by how many products hold them; -1 stays at the end."""
    last = np.iinfo(np.int64).max
    rarity = np.where(subsets >= 0, sizes[subsets] * (len(sizes) + 1) + subsets, last)
    return np.take_along_axis(subsets, np.argsort(rarity, axis=1, kind="stable"), axis=1)


def _rows_in_order(flat: np.ndarray, starts: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Compressed rows in another order."""
    sizes = np.diff(starts)[rows]
    ends = np.cumsum(sizes)
    place = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - sizes, sizes)
    return flat[np.repeat(starts[:-1][rows], sizes) + place]


def _intersections(rarest: np.ndarray, *, value_postings: Sequence[np.ndarray],
                   floors: np.ndarray, max_products: int) -> tuple[np.ndarray, np.ndarray]:
    """Sizes of all subsets of a shard, and the products of those within bounds, joined."""
    sizes = np.zeros(len(rarest), np.int64)
    kept = [np.zeros(0, np.int32)]
    values: list[int] = []
    products: list[np.ndarray] = []
    for at, row in enumerate(rarest.tolist()):
        subset = [value for value in row if value >= 0]
        shared = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1],
                                                    zip(values, subset)))
        del values[shared:], products[shared:]
        for value in subset[shared:]:
            held = value_postings[value]
            values.append(value)
            products.append(_intersect(products[-1], held) if products else held)
        sizes[at] = len(products[-1])
        if floors[len(subset)] <= sizes[at] <= max_products:
            kept.append(products[-1])
    return sizes, np.concatenate(kept)


def _intersect(few: np.ndarray, many: np.ndarray) -> np.ndarray:
    """The part of `few` that is in `many`; both rising."""
    if not len(many):
        return many
    return few[many[np.minimum(np.searchsorted(many, few), len(many) - 1)] == few]
