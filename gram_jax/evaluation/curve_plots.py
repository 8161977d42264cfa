"""Plots of a run as inline SVG: curves over steps, and how long parts of it took.

Knows numbers and names; no metric and no stage.
"""

import dataclasses
import math
from collections.abc import Sequence
from html import escape

from gram_jax.evaluation.drawing import (
    WIDTH,
    apart,
    colour,
    longest_name,
    rules,
    short_name,
    svg,
    text,
    ticks_of,
)

_UNITS = ((1e12, "10¹²"), (1e9, "10⁹"), (1e6, "10⁶"), (1e3, "10³"), (1.0, ""),
          (1e-3, "10⁻³"), (1e-6, "10⁻⁶"))
_CURVE_WIDTH, _CURVE_HEIGHT = 520, 230
_MOST_POINTS = 240


@dataclasses.dataclass(frozen=True)
class Curve:
    """A value at some steps.

    Args:
      name: of the line.
      steps: rising.
      values: one a step; those that are not finite are left out.
    """

    name: str
    steps: Sequence[int]
    values: Sequence[float]


def curve_plot(curves: Sequence[Curve], *, label: str, marked_step: int | None = None) -> str:
    """Lines over steps, each named at its end.

    Args:
      curves: those without a finite value are left out.
      label: what the plot shows.
      marked_step: a step with a rule through it, such as the best.

    Returns:
      The plot, or nothing where all is left out, or zero from end to end.
    """
    runs = [(number, _finite(curve)) for number, curve in enumerate(curves)]
    runs = [(number, points) for number, points in runs if points]
    values = [value for _, points in runs for _, value in points]
    if not any(values):
        return ""
    scale, unit = _unit(max(map(abs, values)))
    names = [short_name(curves[number].name) for number, _ in runs]
    left, right, top, bottom = 52, 26 + longest_name(names), 28, _CURVE_HEIGHT - 40
    low, high = min(values) / scale, max(values) / scale
    ticks = ticks_of(0.0 if 0 <= low < 0.5 * high else low, high)
    last_step = max(max(points)[0] for _, points in runs)
    end = _CURVE_WIDTH - right

    def at(step: float, value: float) -> tuple[float, float]:
        share = (value / scale - ticks[0]) / (ticks[-1] - ticks[0])
        return left + (end - left) * step / max(last_step, 1), bottom - (bottom - top) * share

    parts = rules(ticks, left, end, lambda tick: at(0, tick * scale)[1])
    parts += [text(left - 8, 12, unit, "tick", "end")] if unit else []
    parts += [text(at(step, 0)[0], bottom + 20, f"{step:,.0f}", "tick", "middle")
              for step in _step_ticks(last_step)]
    parts.append(text((left + end) / 2, _CURVE_HEIGHT - 4, "steps", "axis", "middle"))
    if marked_step is not None:
        x = at(marked_step, 0)[0]
        parts.append(f'<line class="base" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}">'
                     f"<title>best: step {marked_step:,}</title></line>")
    moved = apart([at(*points[-1])[1] for _, points in runs], 16)
    for (number, points), name, height in zip(runs, names, moved):
        drawn = " ".join("{:.1f},{:.1f}".format(*at(*point)) for point in _thinned(points))
        parts.append(f'<polyline class="line {colour(number)}" points="{drawn}">'
                     f"<title>{escape(curves[number].name)}: {points[-1][1]:.4g} at step "
                     f"{points[-1][0]:,}</title></polyline>")
        x, y = at(*points[-1])
        if len(points) == 1:
            parts.append(f'<circle class="dot {colour(number)}" cx="{x:.1f}" cy="{y:.1f}" r="5"/>')
        parts.append(text(end + 10, height + 4, name, f"name {colour(number)}"))
    return svg(_CURVE_HEIGHT, label, parts, _CURVE_WIDTH)


def duration_plot(names: Sequence[str], seconds: Sequence[float], said: Sequence[str], *,
                  label: str) -> str:
    """A bar for each name, as long as it took.

    Args:
      names: at least one.
      seconds: not negative.
      said: the durations in words.
      label: what the plot shows.
    """
    left, row = 24 + longest_name(names), 30
    unit = (WIDTH - left - 110) / max(*seconds, 1e-9)
    parts = []
    for at, (name, length, words) in enumerate(zip(names, seconds, said)):
        y = 8 + row * at
        parts.append(text(left - 14, y + 15, short_name(name), "name", "end"))
        parts.append(f'<rect class="better" x="{left:.1f}" y="{y}" '
                     f'width="{max(length * unit, 1):.1f}" height="20"/>')
        parts.append(text(left + length * unit + 8, y + 15, words, "value"))
    return svg(row * len(names) + 14, label, parts)


def _finite(curve: Curve) -> list[tuple[int, float]]:
    return [(step, value) for step, value in zip(curve.steps, curve.values)
            if math.isfinite(value)]


def _unit(most: float) -> tuple[float, str]:
    """The power of a thousand that a value is read in, and how that is said."""
    if 0.1 <= most < 1 or most < 1e-9:
        return 1.0, ""
    return next(((scale, letter) for scale, letter in _UNITS if most >= scale), _UNITS[-1])


def _step_ticks(last: int) -> list[float]:
    return [tick for tick in ticks_of(0, max(last, 1)) if tick <= last and tick == int(tick)]


def _thinned(points: Sequence[tuple[int, float]]) -> Sequence[tuple[int, float]]:
    """Enough points to draw a line by: of each stretch the lowest and the highest, and the ends."""
    stretch = math.ceil(2 * len(points) / _MOST_POINTS)
    if stretch <= 1:
        return points
    kept = {points[0], points[-1]}
    for start in range(0, len(points), stretch):
        part = points[start:start + stretch]
        kept |= {min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])}
    return sorted(kept)
