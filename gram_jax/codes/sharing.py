"""Postings beyond what products say of themselves, and the cap on how many codes a product has.

Knows codes and products as numbers; nothing of texts.
"""

import numpy as np
from scipy import sparse

from gram_jax.codes.code_postings import CodePostings
from gram_jax.core.clicks import ClickTable

_CODES_AT_ONCE = 4096


def share_by_clicks(codes: CodePostings, affinities: sparse.csr_array, clicks: ClickTable, *,
                    num_products: int, min_support: float,
                    max_products: int) -> tuple[np.ndarray, np.ndarray]:
    """Products that a code should reach because the shoppers of its queries chose them.

    A query supports a clicked product's joining each of its codes by the affinity it has with the
    code. A product joins where the support of all queries reaches `min_support`; where a code has
    no room for all, those of most support join, at equal support those of lower number.

    Args:
      codes: with the products that hold their values.
      affinities: float64 [queries, codes], how well a query's text predicts each of its codes.
      clicks: see there.
      num_products: size of the catalogue.
      min_support: see above.
      max_products: ceiling of a code.

    Returns:
      The pairs that join: codes int32 and products int32.
    """
    clicked = sparse.csr_array((np.ones(len(clicks.products)), clicks.products, clicks.starts),
                               shape=(clicks.num_queries, num_products))
    by_code = sparse.csr_array(affinities.T)
    room = np.maximum(max_products - codes.sizes, 0)
    joined: list[tuple[np.ndarray, np.ndarray]] = [(np.zeros(0, np.int32), np.zeros(0, np.int32))]
    for first in range(0, codes.num_codes, _CODES_AT_ONCE):
        support = sparse.coo_array(by_code[first:first + _CODES_AT_ONCE] @ clicked)
        able = support.data >= min_support - 1e-9
        owners, products = support.coords[0][able] + first, support.coords[1][able]
        sure = support.data[able]
        fresh = ~_held(codes, owners, products, num_products)
        owners, products, sure = owners[fresh], products[fresh], sure[fresh]
        order = np.lexsort((products, -np.round(sure, 9), owners))
        owners, products = owners[order], products[order]
        place = np.arange(len(owners)) - np.searchsorted(owners, owners, side="left")
        fits = place < room[owners]
        joined.append((owners[fits].astype(np.int32), products[fits].astype(np.int32)))
    return tuple(np.concatenate(part) for part in zip(*joined))


def _held(codes: CodePostings, owners: np.ndarray, products: np.ndarray,
          num_products: int) -> np.ndarray:
    """Whether each (code, product) is a posting already."""
    low, high = (int(owners.min()), int(owners.max()) + 1) if len(owners) else (0, 0)
    rows = slice(codes.starts[low], codes.starts[high])
    keys = codes.owners[rows].astype(np.int64) * num_products + codes.products[rows]
    wanted = owners.astype(np.int64) * num_products + products
    if not len(keys):
        return np.zeros(len(wanted), bool)
    return keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted


def cap_codes_per_product(codes: CodePostings, joined: tuple[np.ndarray, np.ndarray], *,
                          max_codes: int) -> CodePostings:
    """The codes when no product may have more than `max_codes`.

    A product keeps the codes that clicks gave it before those it has of itself, then those of
    more worth, then of lower number.

    Args:
      codes: with the products that hold their values.
      joined: what `share_by_clicks` returned.
      max_codes: the cap.
    """
    owners = np.concatenate([codes.owners, joined[0]])
    products = np.concatenate([codes.products, joined[1]])
    own = np.arange(len(owners)) < len(codes.owners)
    order = np.lexsort((owners, -codes.worths[owners], own, products))
    ordered = products[order]
    kept = order[np.arange(len(order)) - np.searchsorted(ordered, ordered, side="left") < max_codes]
    return codes.with_products(owners[kept], products[kept])
