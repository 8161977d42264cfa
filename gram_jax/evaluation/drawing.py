"""What plots as inline SVG are drawn from: frames, texts, rules, round numbers, room for names.

Knows numbers and CSS classes; no plot. Colours come from the page: the marks of line, dot or
method m have the class `m0`, `m1`, ...
"""

import math
from collections.abc import Sequence
from html import escape

NUM_COLOURS = 10
WIDTH = 960
"""Units of a plot's width; a page scales it."""
LETTER = 8.4  # a bold letter of the page's 13 px, and some air
_MOST_LETTERS = 30


def colour(method: int) -> str:
    """The CSS class of a method's marks."""
    return f"m{method % NUM_COLOURS}"


def svg(height: float, label: str, parts: Sequence[str], width: float = WIDTH) -> str:
    """A plot in its frame, with a text for those who cannot see it."""
    return (f'<div class="plot"><svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
            f'aria-label="{escape(label, quote=True)}">{"".join(parts)}</svg></div>')


def text(x: float, y: float, text: str, css: str, anchor: str = "start") -> str:
    """Text at a point; `css` are its classes."""
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" text-anchor="{anchor}">'
            f"{escape(text)}</text>")


def rules(ticks: Sequence[float], start: float, end: float, height_of) -> list[str]:
    """A horizontal rule with its number for each tick."""
    return [f'<line class="rule" x1="{start}" x2="{end}" y1="{height_of(tick):.1f}" '
            f'y2="{height_of(tick):.1f}"/>'
            + text(start - 8, height_of(tick) + 4, number_text(tick), "tick", "end")
            for tick in ticks]


def ticks_of(low: float, high: float) -> list[float]:
    """Four to nine round numbers that enclose low and high."""
    span = max(high - low, 1e-3)
    step = 10 ** math.floor(math.log10(span / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 6)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 10) for number in range(first, max(last, first + 1) + 1)]


def number_text(value: float) -> str:
    """Up to three decimals."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def apart(heights: Sequence[float], least: float) -> list[float]:
    """The heights, moved as little as it takes to stand `least` from each other, in their order.

    The least squares with that constraint are an isotonic fit of the heights less their places.
    """
    order = sorted(range(len(heights)), key=lambda at: heights[at])
    blocks: list[tuple[float, int]] = []  # mean and size, rising
    for place, at in enumerate(order):
        blocks.append((heights[at] - place * least, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (mean, size), (other, count) = blocks.pop(), blocks.pop()
            blocks.append(((mean * size + other * count) / (size + count), size + count))
    fitted = [mean for mean, size in blocks for _ in range(size)]
    moved = [0.0] * len(heights)
    for place, at in enumerate(order):
        moved[at] = fitted[place] + place * least
    return moved


def longest_name(names: Sequence[str]) -> float:
    """Room that the longest of some names takes."""
    return LETTER * max(map(len, map(short_name, names)))


def short_name(name: str) -> str:
    """A name, cut where it is too long for a plot."""
    return name if len(name) <= _MOST_LETTERS else name[:_MOST_LETTERS - 1] + "…"
