"""Shows methods side by side: a rich table, Markdown, JSON. Knows results, not how they came."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gram_jax.evaluation.evaluate import MethodResult
from gram_jax.evaluation.metrics import MEASURES

SIGNIFICANT = 0.05
"""Differences with a p-value below this are starred."""

_LEGEND = ("in brackets: difference to {baseline}; * where a paired randomisation test gives "
           f"p < {SIGNIFICANT}")


def report_table(results: Sequence[MethodResult], *, baseline: str = "BM25", title: str = ""):
    """A `rich.table.Table` of the results, one column a method: that fits a narrow terminal."""
    from rich.table import Table

    base = _baseline(results, baseline)
    table = Table(title=title or None, caption=_LEGEND.format(baseline=baseline) if base else None)
    lines = zip(_headers(results), *(_cells(result, results, base, _coloured)
                                     for result in results))
    for column, header in enumerate(next(lines)):
        table.add_column(header, justify="right" if column else "left", no_wrap=True)
    for line in lines:
        table.add_row(*line)
    return table


def report_markdown(results: Sequence[MethodResult], *, baseline: str = "BM25") -> str:
    """A Markdown table of the results, one line a method."""
    base = _baseline(results, baseline)
    headers = _headers(results)
    lines = [_row(headers), _row(["---"] + ["---:"] * (len(headers) - 1))]
    lines += [_row(_cells(result, results, base, lambda text, difference: text))
              for result in results]
    if base is not None:
        lines += ["", _LEGEND.format(baseline=baseline).replace("*", r"\*") + "."]
    return "\n".join(lines) + "\n"


def report_json(results: Sequence[MethodResult], *, baseline: str = "BM25",
                measures: Mapping[str, str] = MEASURES) -> dict[str, Any]:
    """The results as plain values, with each method's differences to the baseline."""
    base = _baseline(results, baseline)
    methods = []
    for result in results:
        method = {
            "name": result.name,
            "figures": dict(result.figures),
            "distinct_products_per_query": result.distinct_products_per_query,
            "invalid_code_share": result.invalid_code_share,
            "ms_per_query": result.ms_per_query,
        }
        if base is not None and result is not base:
            method["difference_to_baseline"] = {
                name: result.figures[name] - base.figures[name]
                for name in result.figures if name in base.figures}
            method["p_values"] = dict(result.p_values)
        methods.append(method)
    return {"baseline": baseline if base else None, "measures": dict(measures), "methods": methods}


def results_of_json(report: Mapping[str, Any]) -> list[MethodResult]:
    """The results that `report_json` was given, to show them again."""
    return [MethodResult(
        method["name"], method["figures"], method["distinct_products_per_query"],
        method["invalid_code_share"], method["ms_per_query"], method.get("p_values", {}))
        for method in report["methods"]]


def _baseline(results: Sequence[MethodResult], name: str) -> MethodResult | None:
    """The method of that name, where there is another to compare with it."""
    named = next((result for result in results if result.name == name), None)
    return named if len(results) > 1 else None


def _measures(results: Sequence[MethodResult]) -> list[str]:
    return list(dict.fromkeys(name for result in results for name in result.figures))


def _headers(results: Sequence[MethodResult]) -> list[str]:
    return ["method", *_measures(results), "products a query", "invalid codes", "ms a query"]


def _cells(result: MethodResult, results: Sequence[MethodResult], base: MethodResult | None,
           style: Callable[[str, float], str]) -> list[str]:
    cells = [result.name]
    for name in _measures(results):
        figure = result.figures.get(name)
        cell = "-" if figure is None else f"{figure:.4f}"
        if figure is not None and base is not None and base is not result and name in base.figures:
            difference = figure - base.figures[name]
            star = "*" if result.p_values.get(name, 1.0) < SIGNIFICANT else ""
            cell += " " + style(f"({difference:+.4f}{star})", difference)
        cells.append(cell)
    invalid, milliseconds = result.invalid_code_share, result.ms_per_query
    return [*cells, f"{result.distinct_products_per_query:.1f}",
            "-" if invalid is None else f"{invalid:.2%}",
            "-" if milliseconds is None else f"{milliseconds:.1f}"]


def _coloured(text: str, difference: float) -> str:
    return f"[{'green' if difference > 0 else 'red' if difference < 0 else 'dim'}]{text}[/]"


def _row(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", r"\|").replace("*", r"\*") for cell in cells)
    return "| " + " | ".join(escaped) + " |"
