"""Postings beyond what products say of themselves, and the cap on how many codes a product has.

Knows code ids and products as numbers; nothing of texts.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np


def share_by_clicks(postings: Sequence[np.ndarray], query_codes: Mapping[str, Sequence[int]],
                    affinity_fn: Callable[[str, int], float],
                    clicked: Mapping[str, Mapping[int, float]], *, min_support: float,
                    max_products: int) -> list[dict[int, float]]:
    """Products that a code should reach because the shoppers of its queries chose them.

    A query supports a clicked product's joining each of its codes by the affinity it has with the
    code. A product joins where the support of all queries reaches `min_support`; where a code has
    no room for all, those of most support join.

    Args:
      postings: rising products of every code.
      query_codes: query_id -> its codes.
      affinity_fn: (query_id, code) -> how well the query's text predicts the code.
      clicked: query_id -> products as keys.
      min_support: see above.
      max_products: ceiling of a code.

    Returns:
      for every code, the products that join -> their support.
    """
    support: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for query_id, codes in query_codes.items():
        for code in codes:
            affinity = affinity_fn(query_id, code)
            for product in clicked[query_id]:
                support[code][product] += affinity
    joining = []
    for code, row in enumerate(postings):
        held = set(row.tolist()) if code in support else set()
        able = sorted((-sure, product) for product, sure in support.get(code, {}).items()
                      if product not in held and sure >= min_support)
        room = max(max_products - len(row), 0)
        joining.append({product: -sure for sure, product in able[:room]})
    return joining


def cap_codes_per_product(postings: Sequence[np.ndarray], joined: Sequence[Mapping[int, float]],
                          worths: np.ndarray, *, num_products: int,
                          max_codes: int) -> list[np.ndarray]:
    """The products of every code when none may have more than `max_codes`.

    A product keeps the codes that clicks gave it before those it has of itself, then those of
    more worth, then of lower id.

    Args:
      postings: products that hold a code's values.
      joined: what `share_by_clicks` returned.
      worths: float [codes].
      num_products: size of the catalogue.
      max_codes: the cap.
    """
    sizes = [len(row) + len(extra) for row, extra in zip(postings, joined)]
    products = np.concatenate([np.zeros(0, np.int32), *(
        np.concatenate([row, np.fromiter(extra, np.int32, len(extra))])
        for row, extra in zip(postings, joined))]).astype(np.int32)
    codes = np.repeat(np.arange(len(postings)), sizes)
    own = np.concatenate([np.zeros(0, bool), *(np.arange(size) < len(row)
                                               for size, row in zip(sizes, postings))])
    order = np.lexsort((codes, -worths[codes], own, products))
    starts = np.zeros(num_products + 1, np.int64)
    np.cumsum(np.bincount(products, minlength=num_products), out=starts[1:])
    kept = order[np.arange(len(order)) - starts[products[order]] < max_codes]
    kept = kept[np.lexsort((products[kept], codes[kept]))]
    ends = np.searchsorted(codes[kept], np.arange(len(postings) + 1))
    return [products[kept[start:end]] for start, end in itertools.pairwise(ends)]
