"""Figures that say how good a code table is, before any model is trained on it."""

from collections.abc import Mapping, Sequence

import numpy as np

from gram_jax.codes.code import GRANULARITIES
from gram_jax.codes.code_table import CodeTable


def code_quality(code_table: CodeTable, query_codes: Mapping[str, Sequence[int]], *,
                 num_queries: int) -> dict[str, object]:
    """What a code table covers, as figures for people and for JSON.

    Args:
      code_table: codes and products.
      query_codes: the codes of train queries.
      num_queries: train queries, also those without codes.
    """
    products_per_code = np.diff(code_table.posting_starts)
    codes_per_query = np.array([len(codes) for codes in query_codes.values()], np.int64)
    shares = np.bincount(code_table.granularities, minlength=len(GRANULARITIES))
    taught = {code for codes in query_codes.values() for code in codes}
    return {
        "num_codes": code_table.num_codes,
        "num_postings": code_table.num_postings,
        "digest": code_table.digest,
        "products_with_codes": _share(np.count_nonzero(code_table.codes_per_product),
                                      len(code_table.product_ids)),
        "train_queries_with_codes": _share(len(query_codes), num_queries),
        "codes_that_train_queries_have": _share(len(taught), code_table.num_codes),
        "codes_per_product": _spread(code_table.codes_per_product),
        "codes_per_train_query": _spread(codes_per_query),
        "products_per_code": _spread(products_per_code),
        "granularity": {name: _share(int(count), code_table.num_codes)
                        for name, count in zip(GRANULARITIES, shares)},
    }


def reach(code_table: CodeTable, query_codes: Mapping[str, Sequence[int]],
          relevant: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """What queries find when each asks by its own gold codes: the ceiling of any chooser.

    Args:
      code_table: codes and products.
      query_codes: query_id -> gold codes; a query may be missing.
      relevant: query_id -> relevant products, at least one.

    Returns:
      The mean share of relevant products under a query's codes, and the mean number of products
      under them.
    """
    shares, sizes = [], []
    for query_id, wanted in relevant.items():
        rows = [code_table.postings(code) for code in query_codes.get(query_id, ())]
        under = np.unique(np.concatenate(rows)) if rows else np.zeros(0, np.int32)
        shares.append(np.isin(np.fromiter(wanted, np.int32), under).mean())
        sizes.append(len(under))
    return {"queries": len(relevant), "relevant_products_reached": _mean(shares),
            "products_under_codes": _mean(sizes)}


def _spread(counts: np.ndarray) -> dict[str, float]:
    if not len(counts):
        return {"mean": 0.0, "median": 0.0, "max": 0}
    return {"mean": _mean(counts), "median": float(np.median(counts)), "max": int(counts.max())}


def _mean(numbers: Sequence[float] | np.ndarray) -> float:
    return round(float(np.mean(numbers)), 4) if len(numbers) else 0.0


def _share(part: int, whole: int) -> float:
    return round(int(part) / whole, 4) if whole else 0.0
