"""A comparison as Markdown, for a results page. Knows what is shown, not how it was found."""

import re
from collections.abc import Sequence

from gram_jax.evaluation.comparison.compare import Comparison, SliceFigures
from gram_jax.evaluation.comparison.disagreements import Disagreements, ShownProduct
from gram_jax.evaluation.comparison.wording import (
    COSTS,
    cost_cells,
    explanation,
    findings,
    legend,
    mark,
    notes,
    p_text,
    protocol,
)


def comparison_markdown(comparison: Comparison, *, title: str = "Methods compared") -> str:
    """The whole comparison; slices, tests and examples in the headline measure."""
    parts = [f"# {_escaped(title)}", *map(_escaped, findings(comparison)),
             *_figures(comparison), *_costs(comparison)]
    for family in comparison.slices:
        parts += _slices(comparison, family)
    if len(comparison.methods) > 1:
        parts += _tests(comparison)
    for found in comparison.disagreements:
        parts += _examples(comparison, found)
    parts += ["## How it was measured",
              "\n".join(f"- {_escaped(line)}" for line in (
                  *protocol(comparison),
                  *(f"{name}: {explanation(comparison, name)}." for name in comparison.measures),
                  *(f"{name}: {note}" for name, note in notes(comparison).items())))]
    return "\n\n".join(parts) + "\n"


def _figures(comparison: Comparison) -> list[str]:
    rows = []
    for method, name in enumerate(comparison.methods):
        cells = [f"{mean:.4f}{mark(comparison, method, measure)}"
                 for measure, mean in enumerate(comparison.means[method])]
        rows.append([name, *cells])
    return ["## Figures", _table(["method", *comparison.measures], rows),
            _escaped(legend(comparison)) + "."]


def _costs(comparison: Comparison) -> list[str]:
    rows = [[name, *cost_cells(comparison, method)]
            for method, name in enumerate(comparison.methods)]
    return ["## Costs", _table(["method", *COSTS], rows)]


def _slices(comparison: Comparison, family: SliceFigures) -> list[str]:
    place, base = comparison.place(comparison.headline), comparison.baseline
    rows = []
    for at, name in enumerate(family.slices):
        cells = []
        for method, mean in enumerate(family.means[at, :, place]):
            low = family.difference_low[at, method, place]
            high = family.difference_high[at, method, place]
            sure = "+" if low > 0 else "-" if high < 0 else ""
            cells.append(f"{mean:.4f}{sure}")
        rows.append([name, f"{family.num_queries[at]:,}", *cells])
    return [f"## {_escaped(comparison.headline)} by {_escaped(family.name)}",
            _table(["slice", "queries", *comparison.methods], rows),
            f"Slices are {_escaped(family.explanation)}. + and - where the "
            f"{comparison.settings.confidence:.0%} interval of the difference to "
            f"{_escaped(comparison.methods[base])} leaves out 0."]


def _tests(comparison: Comparison) -> list[str]:
    place = comparison.place(comparison.headline)
    means = comparison.means[:, place]
    rows = []
    for one, name in enumerate(comparison.methods):
        cells = [f"{means[one] - means[other]:+.4f} (p {p_text(p_value)})" if one != other else ""
                 for other, p_value in enumerate(comparison.corrected[one, :, place])]
        rows.append([name, *cells])
    return [f"## {_escaped(comparison.headline)}: every pair",
            _table(["row less column", *comparison.methods], rows)]


def _examples(comparison: Comparison, found: Disagreements) -> list[str]:
    baseline = comparison.methods[comparison.baseline]
    parts = [f"## Where {_escaped(found.method)} and {_escaped(baseline)} differ most"]
    for example in (*found.gains, *found.losses):
        lists = (example.products, example.baseline_products)
        rows = [[str(at + 1), *(_product(products[at]) if at < len(products) else ""
                                for products in lists)]
                for at in range(max(map(len, lists)))]
        parts += [f"**{_escaped(example.text)}**: {_escaped(comparison.headline)} "
                  f"{example.figure:.3f} and {example.baseline_figure:.3f}, "
                  f"{example.num_relevant} relevant",
                  _table(["rank", found.method, baseline], rows)]
    return parts


def _product(product: ShownProduct) -> str:
    grade = "not judged" if product.grade is None else f"grade {product.grade}"
    return f"{product.title} ({grade}{f'; {product.code}' if product.code else ''})"


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headers, ["---"] + ["---:"] * (len(headers) - 1), *rows]
    return "\n".join("| " + " | ".join(
        cell if at == 1 else _escaped(cell) for cell in line) + " |"
        for at, line in enumerate(lines))


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))
