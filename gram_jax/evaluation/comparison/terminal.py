"""A comparison in a terminal. Knows what is shown, nothing of how it was found."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gram_jax.evaluation.comparison.compare import Comparison, SliceFigures
from gram_jax.evaluation.comparison.disagreements import Example
from gram_jax.evaluation.comparison.wording import (
    COSTS,
    cost_cells,
    findings,
    legend,
    mark,
    verdict,
)

_STYLES = ("", "green", "red")  # by verdict: 0, 1, -1


def print_comparison(comparison: Comparison, console: Console | None = None, *,
                     title: str = "") -> None:
    """Prints the figures, costs, slices in the headline measure, and one example of each kind."""
    console = console or Console()
    heading = title or f"{len(comparison.query_ids):,} queries"
    console.print(_figures(comparison, heading))
    console.print(_costs(comparison))
    for family in comparison.slices:
        console.print(_slices(comparison, family))
    for sentence in findings(comparison):
        console.print(escape(sentence))
    for found in comparison.disagreements:
        for example in (*found.gains[:1], *found.losses[:1]):
            console.print(_example(comparison, found.method, example))


def _table(title: str, headers, caption: str | None = None) -> Table:
    table = Table(title=escape(title), title_justify="left", title_style="bold",
                  caption=caption and escape(caption), caption_justify="left")
    for column, header in enumerate(headers):
        table.add_column(escape(header), justify="right" if column else "left", overflow="fold")
    return table


def _figures(comparison: Comparison, title: str) -> Table:
    table = _table(title, ["method", *comparison.measures], legend(comparison))
    for method, name in enumerate(comparison.methods):
        cells = []
        for measure, mean in enumerate(comparison.means[method]):
            style = _STYLES[verdict(comparison, method, measure)]
            text = f"{mean:.4f}{mark(comparison, method, measure) or ' '}"
            cells.append(f"[{style}]{text}[/]" if style else text)
        table.add_row(escape(name), *cells)
    return table


def _costs(comparison: Comparison) -> Table:
    table = _table("costs", ["method", *COSTS])
    for method, name in enumerate(comparison.methods):
        table.add_row(escape(name), *cost_cells(comparison, method))
    return table


def _slices(comparison: Comparison, family: SliceFigures) -> Table:
    place, base = comparison.place(comparison.headline), comparison.baseline
    interval = f"{comparison.settings.confidence:.0%} interval"
    table = _table(f"{comparison.headline} by {family.name}",
                   ["slice", "queries", *comparison.methods],
                   f"{family.explanation}; coloured where the {interval} of the difference to "
                   f"{comparison.methods[base]} leaves out 0")
    for at, name in enumerate(family.slices):
        cells = []
        for method, mean in enumerate(family.means[at, :, place]):
            low = family.difference_low[at, method, place]
            high = family.difference_high[at, method, place]
            style = _STYLES[int(low > 0) - int(high < 0)]
            cells.append(f"[{style}]{mean:.4f}[/]" if style else f"{mean:.4f}")
        table.add_row(escape(name), f"{family.num_queries[at]:,}", *cells)
    return table


def _example(comparison: Comparison, method: str, example: Example) -> Table:
    baseline = comparison.methods[comparison.baseline]
    table = Table(title=escape(f"'{example.text}': {comparison.headline} {example.figure:.3f} and "
                               f"{example.baseline_figure:.3f}"),
                  title_justify="left", title_style="bold")
    table.add_column("#", justify="right")
    for name in (method, baseline):
        table.add_column(escape(name), ratio=1)
    lists = (example.products, example.baseline_products)
    for at in range(max(map(len, lists))):
        cells = [_product(products[at]) if at < len(products) else "" for products in lists]
        table.add_row(str(at + 1), *cells)
    return table


def _product(product) -> str:
    grade = "not judged" if product.grade is None else f"grade {product.grade}"
    code = f"\n[cyan]{escape(product.code)}[/]" if product.code else ""
    return f"{escape(product.title)} [dim]({grade})[/]{code}"
