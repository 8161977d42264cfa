"""A comparison as one HTML page that needs nothing else: no script, font or picture from elsewhere.

Knows what is shown and in which order; the plots and the examples are drawn by their own files.
"""

from collections.abc import Sequence
from html import escape

import numpy as np

from gram_jax.evaluation.comparison import plots
from gram_jax.evaluation.comparison.compare import Comparison, SliceFigures
from gram_jax.evaluation.comparison.page_examples import examples_html
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
from gram_jax.evaluation.drawing import colour
from gram_jax.evaluation.page_parts import (
    Section,
    best_of,
    document,
    figure_sign,
    heat,
    tab_rules,
    table,
    tabs,
)
from gram_jax.evaluation.report import SIGNIFICANT


def comparison_page(comparison: Comparison, *, title: str = "Methods compared",
                    subtitle: str = "") -> str:
    """The whole page.

    Args:
      comparison: what is shown.
      title: of the page.
      subtitle: a line under it, such as the catalogue and its size.
    """
    sections = [section for section in (
        _figures(comparison), _recall(comparison), _intervals(comparison), _costs(comparison),
        _outcomes(comparison), _slices(comparison), _tests(comparison), _examples(comparison),
        _protocol(comparison)) if section is not None]
    facts = [subtitle, f"{len(comparison.query_ids):,} queries",
             f"{len(comparison.methods)} methods", f"up to {comparison.depth:,} products a query"]
    return document(title, facts, sections, findings=findings(comparison),
                    more_css=tab_rules(len(comparison.measures)))


def _figures(comparison: Comparison) -> Section:
    means = comparison.means
    best = best_of(means)
    headers = [("method", "")] + [(name, explanation(comparison, name))
                                  for name in comparison.measures]
    rows = []
    for method, name in enumerate(comparison.methods):
        cells = [f'<th><span class="swatch {colour(method)}"></span>{escape(name)}</th>']
        for measure in range(len(comparison.measures)):
            mean, most = means[method, measure], max(means[:, measure].max(), 1e-9)
            low, high = comparison.low[method, measure], comparison.high[method, measure]
            cells.append(
                f'<td class="{colour(method)}{" best" * bool(best[method, measure])}" '
                f'title="{low:.4f} to {high:.4f}">{mean:.4f}'
                f'{figure_sign(mark(comparison, method, measure))}'
                f'<span class="bar" style="width:{mean / most:.0%}"></span></td>')
        rows.append(cells)
    return Section("figures", "All figures", (
        f"{table(headers, rows)}<p class=\"legend\">{escape(legend(comparison))}. Bold is the best "
        "of its column; a bar is the share of the best; point at a figure for its interval, at a "
        "measure for what it is.</p>"))


def _recall(comparison: Comparison) -> Section:
    label = "Mean recall of the first products, by how many of them are looked at"
    return Section("recall", "How deep one has to look", (
        "<p>The share of a query's relevant products that is among the first so many, on average. "
        "A line that ends early has no more products; one that goes flat finds no more relevant "
        "ones.</p>"
        + plots.line_plot(comparison.methods, comparison.curves, label=label,
                          x_label="products looked at", dashed=comparison.baseline)))


def _intervals(comparison: Comparison) -> Section:
    panels = []
    for measure, name in enumerate(comparison.measures):
        marks = [mark(comparison, method, measure) for method in range(len(comparison.methods))]
        panels.append((name, f'<p class="legend">{escape(name)}: '
                             f'{escape(explanation(comparison, name))}.</p>'
                       + plots.interval_plot(
                           comparison.methods, comparison.means[:, measure],
                           comparison.low[:, measure], comparison.high[:, measure], marks,
                           label=f"{name} of each method with its interval",
                           baseline=comparison.baseline)))
    return Section("intervals", "How sure the figures are", (
        f"<p>Each mean with its {comparison.settings.confidence:.0%} interval: how far it could "
        "move with another draw of queries. Two intervals may overlap and the methods still "
        "differ, because they are compared query by query.</p>"
        + tabs("intervals", panels, chosen=comparison.place(comparison.headline))))


def _costs(comparison: Comparison) -> Section:
    known = [at for at, cost in enumerate(comparison.costs) if (cost.ms_per_query or 0) > 0]
    plot = ""
    if len(known) > 1:
        measure = [name for name in comparison.measures if name.startswith("recall@")][-1:] or [
            comparison.headline]
        panels = []
        for name in dict.fromkeys([comparison.headline, *measure]):
            label = f"{name} against milliseconds a query"
            panels.append((name, plots.scatter_plot(
                [comparison.methods[at] for at in known],
                [comparison.costs[at].ms_per_query for at in known],
                [float(comparison.means[at, comparison.place(name)]) for at in known],
                label=label, x_label="milliseconds a query (logarithmic)", numbers=known)))
        plot = tabs("costs", panels, chosen=0)
    rows = [[f"<th>{escape(name)}</th>",
             *(f"<td>{escape(cell)}</td>" for cell in cost_cells(comparison, method))]
            for method, name in enumerate(comparison.methods)]
    return Section("costs", "What it costs",
                   plot + table([("method", ""), *((name, "") for name in COSTS)], rows))


def _outcomes(comparison: Comparison) -> Section | None:
    others = [at for at in range(len(comparison.methods)) if at != comparison.baseline]
    if not others:
        return None
    base = comparison.methods[comparison.baseline]
    panels = [(name, plots.share_plot(
        [comparison.methods[at] for at in others], comparison.outcomes(name)[others],
        label=f"queries on which {name} is worse than, equal to and better than that of {base}"))
        for name in comparison.measures]
    return Section("outcomes", f"Query by query against {base}", (
        f"<p>On how many queries each method is worse or better than {escape(base)}.</p>"
        + tabs("outcomes", panels, chosen=comparison.place(comparison.headline))))


def _slices(comparison: Comparison) -> Section | None:
    if not comparison.slices:
        return None
    headers = [("", ""), ("queries", ""), *((name, "") for name in comparison.methods)]
    panels = [(name, table(headers, [row for family in comparison.slices
                                     for row in _slice_rows(comparison, family, place)]))
              for place, name in enumerate(comparison.measures)]
    return Section("slices", "Which queries", (
        "<p>The same figures on kinds of queries. Colour is the difference to "
        f"{escape(comparison.methods[comparison.baseline])}, which is printed small; bold where "
        f"its {comparison.settings.confidence:.0%} interval leaves out 0. These intervals are not "
        "corrected for their number: with many slices some will be bold by luck.</p>"
        + tabs("slices", panels, chosen=comparison.place(comparison.headline))))


def _slice_rows(comparison: Comparison, family: SliceFigures, place: int) -> list[list[str]]:
    base = comparison.baseline
    means = family.means[:, :, place]
    off = means - means[:, base:base + 1]
    most = max(np.abs(off).max(), 1e-9)
    said = f"{family.explanation[:1].upper()}{family.explanation[1:]}."
    rows = [[f'<h3>{escape(family.name)}</h3><span class="legend">{escape(said)}</span>']]
    for at, name in enumerate(family.slices):
        cells = [f"<th>{escape(name)}</th>", f"<td>{family.num_queries[at]:,}</td>"]
        for method, mean in enumerate(means[at]):
            if method == base:
                cells.append(f"<td>{mean:.3f}</td>")
                continue
            sure = (family.difference_low[at, method, place] > 0
                    or family.difference_high[at, method, place] < 0)
            cells.append(heat(f"{mean:.3f}", f"{off[at, method]:+.3f}", off[at, method] / most,
                              sure=bool(sure)))
        rows.append(cells)
    return rows


def _tests(comparison: Comparison) -> Section | None:
    if len(comparison.methods) < 2:
        return None
    panels = [(name, _test_table(comparison, place))
              for place, name in enumerate(comparison.measures)]
    return Section("tests", "Every pair, tested", (
        "<p>The row's mean less the column's. Bold and coloured where luck alone is no explanation "
        f"(p below {SIGNIFICANT} after Holm's correction); the p-value is printed small.</p>"
        + tabs("tests", panels, chosen=comparison.place(comparison.headline))))


def _test_table(comparison: Comparison, place: int) -> str:
    means, p_values = comparison.means[:, place], comparison.corrected[:, :, place]
    off = means[:, None] - means
    most = max(np.abs(off).max(), 1e-9)
    rows = []
    for one, name in enumerate(comparison.methods):
        cells = [f"<th>{escape(name)}</th>"]
        for other, p_value in enumerate(p_values[one]):
            sure = bool(p_value < SIGNIFICANT)
            cells.append("<td></td>" if one == other else heat(
                f"{off[one, other]:+.3f}", f"p {p_text(p_value)}",
                off[one, other] / most if sure else 0.0, sure=sure))
        rows.append(cells)
    return table([("", ""), *((name, "") for name in comparison.methods)], rows)


def _examples(comparison: Comparison) -> Section | None:
    if not any(found.gains or found.losses for found in comparison.disagreements):
        return None
    return Section("examples", "Where they differ most", examples_html(comparison))


def _protocol(comparison: Comparison) -> Section:
    lines: Sequence[str] = [
        *protocol(comparison),
        *(f"{name}: {explanation(comparison, name)}." for name in comparison.measures),
        *(f"{name}: {note}" for name, note in notes(comparison).items())]
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return Section("protocol", "How it was measured", f'<ul class="how">{items}</ul>')
