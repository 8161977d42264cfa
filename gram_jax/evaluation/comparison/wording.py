"""What a comparison says in words and cells, the same in every report. Knows no output format."""

from collections.abc import Mapping

import numpy as np

from gram_jax.core.records import RELEVANT_GRADE
from gram_jax.evaluation.comparison.compare import COMPARED, Comparison
from gram_jax.evaluation.report import SIGNIFICANT

_EXPLANATIONS = {
    "recall": "the share of a query's relevant products that is among the first {depth}",
    "ndcg": "gains of 7, 3 and 1 for grades 3, 2 and 1, discounted by rank, in the first {depth}, "
            "against the best order that there is",
    "mrr": "1 divided by the rank of the first relevant product, 0 where it is not in the first "
           "{depth}",
    "relr": "of all products listed that people judged, the share that is relevant",
    "judged": "of the first {depth} products, the share that people judged",
}
COSTS = ("products a query", "invalid codes", "ms a query", "index bytes a product",
         "training minutes")


def explanation(comparison: Comparison, measure: str) -> str:
    """What a measure is, in a clause."""
    if comparison.measures[measure] != COMPARED.get(measure):
        return comparison.measures[measure]
    name, _, depth = measure.partition("@")
    return _EXPLANATIONS[name].format(depth=depth)


def verdict(comparison: Comparison, method: int, measure: int) -> int:
    """1 where the method is better than the baseline beyond luck, -1 where worse, else 0."""
    base = comparison.baseline
    if method == base or comparison.corrected[method, base, measure] >= SIGNIFICANT:
        return 0
    return int(np.sign(comparison.means[method, measure] - comparison.means[base, measure]))


def mark(comparison: Comparison, method: int, measure: int) -> str:
    """The verdict as a sign behind a figure."""
    return ("", "▲", "▼")[verdict(comparison, method, measure)]


def legend(comparison: Comparison) -> str:
    """What the marks mean."""
    num_pairs = len(comparison.methods) * (len(comparison.methods) - 1) // 2
    correction = (f", corrected by Holm over the {num_pairs} pairs of methods,"
                  if num_pairs > 1 else "")
    return (f"▲ better, ▼ worse than {comparison.methods[comparison.baseline]}, where a paired "
            f"randomisation test{correction} gives p < {SIGNIFICANT}")


def protocol(comparison: Comparison) -> list[str]:
    """How it was measured, in sentences."""
    settings = comparison.settings
    return [
        f"{len(comparison.query_ids):,} queries that have a relevant product (grade "
        f"{RELEVANT_GRADE} or more); others count nowhere, and a query that a method does not "
        "answer counts 0.",
        "A product that nobody judged counts as irrelevant, except in relr, which leaves it out. "
        "Where judged@10 differs between methods, so does how far the figures can be trusted.",
        f"Tests: paired randomisation of the two figures of each query, two-sided, "
        f"{settings.num_swaps:,} random swaps. Holm's correction is over all pairs of methods, one "
        "measure at a time.",
        f"Intervals: {settings.confidence:.0%}, bootstrap over queries (BCa, "
        f"{settings.num_draws:,} draws, {settings.num_draws_of_slices:,} on slices), one at a "
        "time: not corrected for their number. "
        f"Seed {settings.seed}.",
    ]


def findings(comparison: Comparison) -> list[str]:
    """The result in a few plain sentences: who is best, and whom luck alone could set beside it."""
    if len(comparison.methods) == 1:
        return []
    recalls = [name for name in comparison.measures if name.startswith("recall@")]
    chosen = dict.fromkeys([comparison.headline, *recalls[:1], *recalls[-1:]])
    return [_finding(comparison, measure) for measure in chosen]


def _finding(comparison: Comparison, measure: str) -> str:
    place = comparison.place(measure)
    means = comparison.means[:, place]
    best = int(means.argmax())
    equals = [name for at, name in enumerate(comparison.methods)
              if at != best and comparison.corrected[best, at, place] >= SIGNIFICANT]
    said = (f"{comparison.methods[best]} has the highest {measure}: {means[best]:.3f} "
            f"({comparison.low[best, place]:.3f} to {comparison.high[best, place]:.3f})")
    if best != comparison.baseline:
        said += (f", {means[best] - means[comparison.baseline]:+.3f} against "
                 f"{comparison.methods[comparison.baseline]}")
    if not equals:
        return said + "; every other method is behind beyond luck."
    return said + f"; luck alone could explain its lead over {_listed(equals)}."


def cost_cells(comparison: Comparison, method: int) -> list[str]:
    """Distinct products a query and what the method costs, by `COSTS`; '-' where not known."""
    cost = comparison.costs[method]
    share = cost.invalid_code_share
    return [f"{comparison.num_products[method]:.1f}", "-" if share is None else f"{share:.2%}",
            *(compact(value) for value in (cost.ms_per_query, cost.index_bytes_per_product,
                                           cost.training_minutes))]


def compact(value: float | None) -> str:
    """Three digits that count: 0.123, 4.56, 78.9, 1,234."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - int(np.floor(np.log10(abs(value)))))}f}"


def p_text(value: float) -> str:
    """A p-value as people write it."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def notes(comparison: Comparison) -> Mapping[str, str]:
    """method -> how it was set, of those that say so."""
    return {name: cost.note for name, cost in zip(comparison.methods, comparison.costs)
            if cost.note}


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
