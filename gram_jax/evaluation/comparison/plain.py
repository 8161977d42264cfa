"""A comparison as plain values for JSON. Knows nothing of files."""

import dataclasses
from typing import Any

import numpy as np

from gram_jax.evaluation.comparison.compare import Comparison, SliceFigures


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Everything but the figures of single queries, which the runs give again.

    Costs are None where they are not known; 'p_values' and 'corrected' are by pair of methods.
    """
    return {
        "baseline": comparison.methods[comparison.baseline],
        "headline": comparison.headline,
        "queries": len(comparison.query_ids),
        "measures": dict(comparison.measures),
        "settings": dataclasses.asdict(comparison.settings),
        "methods": [_method(comparison, method) for method in range(len(comparison.methods))],
        "pairs": _pairs(comparison),
        "slices": [_family(comparison, family) for family in comparison.slices],
        "disagreements": [dataclasses.asdict(found) for found in comparison.disagreements],
    }


def _method(comparison: Comparison, method: int) -> dict[str, Any]:
    def by_measure(values: np.ndarray) -> dict[str, Any]:
        return dict(zip(comparison.measures, values[method].tolist()))

    found = {
        "name": comparison.methods[method],
        "figures": by_measure(comparison.means),
        "interval": by_measure(np.stack([comparison.low, comparison.high], axis=-1)),
        "distinct_products_per_query": float(comparison.num_products[method]),
        **dataclasses.asdict(comparison.costs[method]),
        "recall_of_first": np.round(comparison.curves[method], 6).tolist(),
    }
    if method != comparison.baseline:
        base = comparison.means[comparison.baseline]
        found["difference_to_baseline"] = by_measure(comparison.means - base)
        found["difference_interval"] = by_measure(
            np.stack([comparison.difference_low, comparison.difference_high], axis=-1))
        found["better_equal_worse"] = {
            name: comparison.outcomes(name)[method].tolist() for name in comparison.measures}
    return found


def _pairs(comparison: Comparison) -> list[dict[str, Any]]:
    pairs = []
    for one, other in zip(*np.triu_indices(len(comparison.methods), 1)):
        pairs.append({
            "methods": [comparison.methods[one], comparison.methods[other]],
            "p_values": dict(zip(comparison.measures, comparison.p_values[one, other].tolist())),
            "corrected": dict(zip(comparison.measures, comparison.corrected[one, other].tolist())),
        })
    return pairs


def _family(comparison: Comparison, family: SliceFigures) -> dict[str, Any]:
    def by_method(values: np.ndarray) -> dict[str, Any]:
        return {name: dict(zip(comparison.measures, row))
                for name, row in zip(comparison.methods, values.tolist())}

    ends = np.stack([family.difference_low, family.difference_high], axis=-1)
    return {
        "name": family.name, "explanation": family.explanation, "overlapping": family.overlapping,
        "slices": [{"name": name, "queries": int(family.num_queries[at]),
                    "figures": by_method(family.means[at]),
                    "difference_interval": by_method(ends[at])}
                   for at, name in enumerate(family.slices)],
    }
