"""Small plots as inline SVG. Knows numbers, names and CSS classes; no comparison, no page.

Colours come from the page: the marks of method m have the class `m0`, `m1`, ... Every plot has a
text that says what it shows for those who cannot see it.
"""

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from gram_jax.evaluation.drawing import (
    LETTER,
    WIDTH,
    apart,
    colour,
    longest_name,
    number_text,
    rules,
    short_name,
    svg,
    text,
    ticks_of,
)

_LINE = 17



def line_plot(names: Sequence[str], lines: Sequence[np.ndarray], *, label: str, x_label: str,
              dashed: int) -> str:
    """Lines over the ranks 1, 2, ... on a logarithmic axis, each named at its end.

    Args:
      names: of the lines.
      lines: float [k] each; a line of no points is left out.
      label: what the plot shows.
      x_label: what the ranks are.
      dashed: the line that the others are held against.
    """
    left, right, top, height = 52, 30 + longest_name(names), 14, 380
    longest = max(max(map(len, lines)), 2)
    most = max((float(line.max()) for line in lines if len(line)), default=0.0)
    ticks = ticks_of(0.0, most)
    across, bottom = WIDTH - left - right, height - 44

    def at(rank: float, value: float) -> tuple[float, float]:
        return (left + across * math.log(rank) / math.log(longest),
                bottom - (bottom - top) * value / ticks[-1])

    parts = rules(ticks, left, WIDTH - right, lambda value: at(1, value)[1])
    for rank in _ranks(longest):
        parts.append(text(at(rank, 0)[0], bottom + 20, f"{rank}", "tick", "middle"))
    parts.append(text(left + across / 2, height - 4, x_label, "axis", "middle"))
    ends = [(number, *at(len(line), float(line[-1]))) for number, line in enumerate(lines)
            if len(line)]
    for number, _, _ in sorted(ends, key=lambda end: end[0] == dashed):  # it lies on top
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (
            at(rank, float(lines[number][rank - 1])) for rank in _drawn_ranks(len(lines[number]))))
        parts.append(f'<polyline class="line {colour(number)}{" dashed" * (number == dashed)}" '
                     f'points="{points}"><title>{escape(names[number])}</title></polyline>')
    for (number, x, y), moved in zip(ends, apart([y for _, _, y in ends], _LINE)):
        parts.append(f'<path class="lead {colour(number)}" '
                     f'd="M{x:.1f} {y:.1f}L{WIDTH - right + 14} {moved:.1f}"/>')
        parts.append(text(WIDTH - right + 18, moved + 4, short_name(names[number]),
                           f"name {colour(number)}"))
    return svg(height, label, parts)


def interval_plot(names: Sequence[str], means: Sequence[float], low: Sequence[float],
                  high: Sequence[float], marks: Sequence[str], *, label: str,
                  baseline: int) -> str:
    """A dot with its interval for each name, and a rule at the baseline's mean."""
    left, right, row = 24 + longest_name(names), 96, 30
    height = row * len(names) + 40
    ticks = ticks_of(float(min(low)), float(max(high)))

    def at(value: float) -> float:
        return left + (WIDTH - left - right) * (value - ticks[0]) / (ticks[-1] - ticks[0])

    parts = [f'<line class="rule" x1="{at(tick):.1f}" x2="{at(tick):.1f}" y1="6" '
             f'y2="{height - 30}"/>'
             + text(at(tick), height - 10, number_text(tick), "tick", "middle")
             for tick in ticks]
    parts.append(f'<line class="base" x1="{at(means[baseline]):.1f}" '
                 f'x2="{at(means[baseline]):.1f}" y1="6" y2="{height - 30}"/>')
    for number, name in enumerate(names):
        y = 20 + row * number
        parts.append(text(left - 14, y + 4, short_name(name), f"name {colour(number)}", "end"))
        parts.append(f'<line class="interval {colour(number)}" x1="{at(low[number]):.1f}" '
                     f'x2="{at(high[number]):.1f}" y1="{y}" y2="{y}"><title>{low[number]:.4f} to '
                     f'{high[number]:.4f}</title></line><circle class="dot {colour(number)}" '
                     f'cx="{at(means[number]):.1f}" cy="{y}" r="6"/>')
        parts.append(text(WIDTH - right + 24, y + 4, f"{means[number]:.3f} {marks[number]}",
                           {"▲": "value up", "▼": "value down"}.get(marks[number], "value")))
    return svg(height, label, parts)


def scatter_plot(names: Sequence[str], x: Sequence[float], y: Sequence[float], *, label: str,
                 x_label: str, numbers: Sequence[int]) -> str:
    """Named dots; the x axis is logarithmic and its values are positive.

    Args:
      names: of the dots.
      x: positive.
      y: not negative.
      label: what the plot shows.
      x_label: what x is.
      numbers: of the methods, for their colours.
    """
    left, right, top, height = 52, 40, 16, 380
    bottom = height - 46
    ticks = ticks_of(min(y) - 0.1 * (max(y) - min(y)), max(y))
    decades = _decades(min(x), max(x))

    def at(first: float, second: float) -> tuple[float, float]:
        share = math.log(first / decades[0]) / math.log(decades[-1] / decades[0])
        return (left + (WIDTH - left - right) * share,
                bottom - (bottom - top) * (second - ticks[0]) / (ticks[-1] - ticks[0]))

    parts = rules(ticks, left, WIDTH - right, lambda value: at(decades[0], value)[1])
    for decade in decades:
        parts.append(text(at(decade, ticks[0])[0], bottom + 20, f"{decade:,g}", "tick", "middle"))
    parts.append(text((left + WIDTH - right) / 2, height - 6, x_label, "axis", "middle"))
    dots = [at(*pair) for pair in zip(x, y)]
    taken = [(dot_x - 9, dot_y - 9, dot_x + 9, dot_y + 9) for dot_x, dot_y in dots]
    for number, name, (dot_x, dot_y) in zip(numbers, names, dots):
        parts.append(f'<circle class="dot {colour(number)}" cx="{dot_x:.1f}" cy="{dot_y:.1f}" '
                     'r="7"/>')
        text_x, text_y, anchor = _free_place(dot_x, dot_y, short_name(name), taken)
        parts.append(text(text_x, text_y, short_name(name), f"name {colour(number)}", anchor))
    return svg(height, label, parts)


def share_plot(names: Sequence[str], counts: np.ndarray, *, label: str) -> str:
    """One bar a name, cut by counts of better, equal, worse: better to the right of the middle.

    Args:
      names: of the bars.
      counts: int [names, 3].
      label: what the plot shows.
    """
    left, right, row = 24 + longest_name(names), 20, 34
    height = row * len(names) + 34
    unit = 0.9 * (WIDTH - left - right) / 2 / max(int(counts.sum(axis=1).max()), 1)
    middle = (left + WIDTH - right) / 2
    parts = [text(middle - 12, 14, "worse", "tick", "end"),
             text(middle + 12, 14, "better", "tick"),
             f'<line class="base" x1="{middle:.1f}" x2="{middle:.1f}" y1="4" y2="{height}"/>']
    for at, name in enumerate(names):
        y = 26 + row * at
        better, equal, worse = counts[at].tolist()
        parts.append(text(left - 14, y + 15, short_name(name), "name", "end"))
        for css, start, size in (("worse", middle - (worse + equal / 2) * unit, worse * unit),
                                 ("equal", middle - equal / 2 * unit, equal * unit),
                                 ("better", middle + equal / 2 * unit, better * unit)):
            parts.append(f'<rect class="{css}" x="{start:.1f}" y="{y}" width="{size:.1f}" '
                         'height="22"/>')
        parts.append(text(middle - (worse + equal / 2) * unit - 8, y + 15, f"{worse:,}", "value",
                           "end"))
        parts.append(text(middle, y + 15, f"{equal:,} equal", "tick", "middle")
                     if equal * unit > 70 else "")
        parts.append(text(middle + (better + equal / 2) * unit + 8, y + 15, f"{better:,}",
                           "value"))
    return svg(height, label, parts)







def _ranks(longest: int) -> list[int]:
    """Round ranks up to the longest."""
    return [factor * 10**power for power in range(7) for factor in (1, 3)
            if factor * 10**power <= longest]


def _drawn_ranks(length: int) -> list[int]:
    """Enough ranks to draw a line by, the last one among them."""
    return np.unique(np.geomspace(1, length, 120).round().astype(int)).tolist()


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten that enclose low and high."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [10.0**power for power in range(first, max(last, first + 1) + 1)]



def _free_place(x: float, y: float, name: str, taken: list[tuple]) -> tuple[float, float, str]:
    """Where a dot's name covers nothing: beside, above or below it; `taken` gains its box."""
    width = LETTER * len(name)
    for text_x, text_y, anchor in ((x + 13, y + 4, "start"), (x - 13, y + 4, "end"),
                                   (x, y - 14, "middle"), (x, y + 24, "middle"),
                                   (x + 10, y - 14, "start"), (x + 10, y + 24, "start"),
                                   (x - 10, y - 14, "end"), (x - 10, y + 24, "end")):
        start = text_x - {"start": 0, "middle": width / 2, "end": width}[anchor]
        box = (start, text_y - 11, start + width, text_y + 3)
        inside = box[0] > 0 and box[2] < WIDTH
        if inside and not any(box[0] < other[2] and other[0] < box[2] and box[1] < other[3]
                              and other[1] < box[3] for other in taken):
            break
    taken.append(box)
    return text_x, text_y, anchor

