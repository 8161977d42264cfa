"""Queries with what two methods answered, side by side, as HTML.

Knows examples, not how they were chosen.
"""

from collections.abc import Sequence
from html import escape

from gram_jax.evaluation.comparison.compare import Comparison
from gram_jax.evaluation.comparison.disagreements import Example, ShownProduct
from gram_jax.evaluation.drawing import colour


def examples_html(comparison: Comparison) -> str:
    """For each method its largest gains on the baseline and its largest losses, folded."""
    baseline = comparison.methods[comparison.baseline]
    parts = [f"<p>The queries on which a method is furthest ahead of {escape(baseline)} in "
             f"{escape(comparison.headline)}, and furthest behind, with the first products of "
             "both. The number in a box is the grade that people gave, 0 to 3; an empty box was "
             "not judged.</p>"]
    for at, found in enumerate(comparison.disagreements):
        method = comparison.methods.index(found.method)
        parts.append(f'<details{" open" * (at == 0)}><summary><span class="swatch '
                     f'{colour(method)}"></span>{escape(found.method)} and {escape(baseline)}'
                     "</summary>")
        for heading, examples in ((f"{found.method} is ahead", found.gains),
                                  (f"{baseline} is ahead", found.losses)):
            if examples:
                parts.append(f"<h3>{escape(heading)}</h3>")
            parts += [_example(comparison, method, example) for example in examples]
        parts.append("</details>")
    return "".join(parts)


def _example(comparison: Comparison, method: int, example: Example) -> str:
    names = comparison.methods[method], comparison.methods[comparison.baseline]
    sides = (_side(names[0], names[1], method, example.figure, example.products,
                   comparison.headline)
             + _side(names[1], names[0], comparison.baseline, example.baseline_figure,
                     example.baseline_products, comparison.headline))
    num = example.num_relevant
    return (f'<article class="example"><h4>{escape(example.text)}</h4><p class="legend">'
            f"{num:,} relevant product{'s' * (num != 1)}</p>"
            f'<div class="sides">{sides}</div></article>')


def _side(name: str, other: str, method: int, figure: float, products: Sequence[ShownProduct],
          headline: str) -> str:
    items = "".join(_product(product, other) for product in products)
    body = f"<ol>{items}</ol>" if products else '<p class="legend">no product</p>'
    return (f'<div class="{colour(method)}"><h5>{escape(name)}: {escape(headline)} {figure:.3f}'
            f"</h5>{body}</div>")


def _product(product: ShownProduct, other: str) -> str:
    grade = "" if product.grade is None else str(product.grade)
    css = f"grade g{product.grade}" if grade else "grade"
    said = [f"{other} has it at {product.rank_of_other}" if product.rank_of_other
            else f"{other} does not have it"]
    if product.code:
        said.insert(0, f"found by {product.code}")
    return (f'<li><span class="{css}" title="{f"grade {grade}" if grade else "not judged"}">{grade}'
            f"</span>{escape(product.title)}<small>{escape(' · '.join(said))}</small></li>")
