"""The queries on which two methods differ most, with what each answered, side by side.

Knows answers, grades and texts; nothing of how they are shown.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from gram_jax.core.records import RELEVANT_GRADE
from gram_jax.evaluation.comparison.answers import NO_PRODUCT, Answers, Judged


@dataclasses.dataclass(frozen=True)
class Shelf:
    """What examples are shown with.

    Args:
      texts: query_id -> what was typed.
      titles: product_id -> title.
      num_queries: examples of gains, and as many of losses, for each method.
      num_products: products of each list that are shown.
    """

    texts: Mapping[str, str]
    titles: Mapping[str, str]
    num_queries: int = 4
    num_products: int = 6


@dataclasses.dataclass(frozen=True)
class ShownProduct:
    """A product in a list: its grade (None if unjudged) and its rank in the other list, if any."""

    product_id: str
    title: str
    grade: int | None
    rank_of_other: int | None
    code: str


@dataclasses.dataclass(frozen=True)
class Example:
    """One query, answered by the method and by the baseline; figures are of the headline."""

    query_id: str
    text: str
    num_relevant: int
    figure: float
    baseline_figure: float
    products: tuple[ShownProduct, ...]
    baseline_products: tuple[ShownProduct, ...]


@dataclasses.dataclass(frozen=True)
class Disagreements:
    """Where a method gains most on the baseline and where it loses most, largest first."""

    method: str
    gains: tuple[Example, ...]
    losses: tuple[Example, ...]


def disagreements(answers: Answers, baseline: Answers, figures: np.ndarray,
                  baseline_figures: np.ndarray, headline: int, judged: Judged,
                  shelf: Shelf) -> Disagreements:
    """The queries with the largest differences in the headline measure.

    Among equals those come first on which the other measures differ more in the same direction,
    then those that are first.

    Args:
      answers: of the method.
      baseline: of the other.
      figures: float [measures, queries], the method's.
      baseline_figures: float [measures, queries].
      headline: the number of the measure that counts.
      judged: queries and grades.
      shelf: texts, and how much is shown.
    """
    product_ids = list(judged.numbers)
    differences = figures - baseline_figures
    total = differences.sum(axis=0)
    found = {}
    for sign in (1, -1):
        order = np.lexsort((-sign * total, -sign * differences[headline]))[:shelf.num_queries]
        found[sign] = tuple(
            _example(row, (figures[headline, row], baseline_figures[headline, row]),
                     (answers, baseline), judged, shelf, product_ids)
            for row in order.tolist() if sign * differences[headline, row] > 1e-9)
    return Disagreements(answers.name, found[1], found[-1])


def _example(row: int, figures: tuple[float, float], pair: tuple[Answers, Answers], judged: Judged,
             shelf: Shelf, product_ids: list[str]) -> Example:
    query_id, grades = judged.query_ids[row], judged.of_query(row)
    num_relevant = sum(grade >= RELEVANT_GRADE for grade in grades.values())
    shown = [_shown(row, mine, other, grades, shelf, product_ids)
             for mine, other in (pair, pair[::-1])]
    return Example(query_id, shelf.texts.get(query_id, query_id), num_relevant,
                   *map(float, figures), *shown)


def _shown(row: int, mine: Answers, other: Answers, grades: Mapping[int, int], shelf: Shelf,
           product_ids: list[str]) -> tuple[ShownProduct, ...]:
    ranks = {product: rank for rank, product in enumerate(other.products[row].tolist(), start=1)}
    codes = mine.codes[row] if mine.codes else ()
    shown = []
    for at, product in enumerate(mine.products[row, :shelf.num_products].tolist()):
        if product != NO_PRODUCT:
            product_id = product_ids[product]
            shown.append(ShownProduct(
                product_id, shelf.titles.get(product_id, product_id), grades.get(product),
                ranks.get(product), codes[at] if at < len(codes) else ""))
    return tuple(shown)
