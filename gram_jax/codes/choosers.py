"""Choosing codes for a query without learning anything: what a code table can give.

A chooser that learns nothing says what a table is worth before a model is trained on it; hindsight
says little, because even a random partition of the catalogue does well under it.
"""

from collections.abc import Sequence

import numpy as np

from gram_jax.codes.code import Code
from gram_jax.codes.code_table import CodeTable


def choose_by_neighbors(table: CodeTable, neighbors: Sequence[int], *,
                        num_codes: int) -> tuple[int, ...]:
    """The codes of most votes over the root of their size, best first.

    Each of the products nearest to the query, by whatever measure, votes for all its codes.
    At equal scores the code of nearer products wins (by reciprocal ranks), then the smaller one.

    Args:
      table: codes and products.
      neighbors: product indices, nearest first.
      num_codes: how many to choose at most.
    """
    if not len(neighbors):
        return ()
    rows = [table.codes_of(product) for product in neighbors]
    codes, group = np.unique(np.concatenate(rows), return_inverse=True)
    nearness = np.repeat(1.0 / np.arange(1, len(rows) + 1), [len(row) for row in rows])
    sizes = np.diff(table.posting_starts)[codes]
    scores = np.bincount(group) / np.sqrt(sizes)
    order = np.lexsort((codes, sizes, -np.bincount(group, weights=nearness), -scores))
    return tuple(codes[order[:num_codes]].tolist())


def choose_with_hindsight(table: CodeTable, relevant: Sequence[int], *,
                          num_codes: int) -> tuple[int, ...]:
    """Greedily the codes that hold most of the relevant products left; of equals the smaller.

    Args:
      table: codes and products.
      relevant: product indices.
      num_codes: how many to choose at most.
    """
    left, chosen = set(np.asarray(relevant).tolist()), []
    sizes = np.diff(table.posting_starts)
    holds: dict[int, set[int]] = {}
    for product in left:
        for code in table.codes_of(product).tolist():
            holds.setdefault(code, set()).add(product)
    while left and len(chosen) < num_codes and holds:
        best = min(holds, key=lambda code: (-len(holds[code] & left), sizes[code], code))
        if not holds[best] & left:
            break
        chosen.append(best)
        left -= holds.pop(best)
    return tuple(chosen)


def random_partition(product_ids: Sequence[str], *, cell_size: int, seed: int) -> CodeTable:
    """A table that cuts the catalogue into cells by chance: codes that mean nothing."""
    rng = np.random.default_rng(seed)
    cells = np.array_split(rng.permutation(len(product_ids)),
                           max(1, len(product_ids) // cell_size))
    named = (f"cell {number:06d}" for number in range(len(cells)))
    return CodeTable.build({Code(name, (("modifier", name),)): cell
                            for name, cell in zip(named, cells)}, product_ids)


def ranked_products(table: CodeTable, chosen: Sequence[int]) -> np.ndarray:
    """The products under chosen codes, those under more and earlier codes first.

    A product counts the sum of the reciprocal places of its codes.

    Args:
      table: codes and products.
      chosen: codes, best first.

    Returns:
      int32 [products], at equal count in the catalogue's order.
    """
    if not chosen:
        return np.zeros(0, np.int32)
    rows = [table.postings(code) for code in chosen]
    counts = np.repeat(1.0 / np.arange(1, len(rows) + 1), [len(row) for row in rows])
    products, group = np.unique(np.concatenate(rows), return_inverse=True)
    return products[np.lexsort((products, -np.bincount(group, weights=counts)))]
