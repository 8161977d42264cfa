import itertools
import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.evaluation.curve_plots import Curve, curve_plot, duration_plot

VALUES = st.floats(-1e13, 1e13) | st.sampled_from([0.0, math.nan, math.inf, 1e-12, 5e-5])


def points(plot):
    """The points of every line of a plot."""
    return [[tuple(map(float, point.split(","))) for point in line.get("points").split()]
            for line in ElementTree.fromstring(plot).iter("polyline")]


@given(st.lists(st.lists(st.tuples(st.integers(1, 10**6), VALUES), max_size=8,
                         unique_by=lambda point: point[0]), max_size=4), st.none() | st.just(1))
def test_whatever_was_measured_is_drawn_within_the_frame_or_left_out(runs, marked):
    curves = [Curve(f"c{n}", *zip(*sorted(run))) if run else Curve(f"c{n}", (), ())
              for n, run in enumerate(runs)]
    plot = curve_plot(curves, label="a < b", marked_step=marked)
    finite = [[v for v in curve.values if math.isfinite(v)] for curve in curves]
    if not any(any(values) for values in finite):
        assert plot == ""
        return
    lines = points(plot)
    assert [len(line) for line in lines] == [len(values) for values in finite if values]
    assert all(0 <= x <= 520 and 0 <= y <= 230 for line in lines for x, y in line)


@given(st.lists(st.floats(0.001, 9), min_size=2, max_size=20))
def test_higher_values_are_drawn_higher_and_later_ones_further_right(values):
    (line,) = points(curve_plot([Curve("a", range(1, len(values) + 1), values)], label="a"))
    assert [x for x, _ in line] == sorted(x for x, _ in line)
    order = sorted(range(len(values)), key=lambda at: values[at])
    heights = [-line[at][1] for at in order]
    assert all(one <= other + 0.06 for one, other in itertools.pairwise(heights))  # one decimal


def test_a_long_curve_is_thinned_and_keeps_its_ends_and_its_peak():
    values = [1.0] * 10_000
    values[7777] = 5.0
    curve = Curve("a", range(1, 10_001), values)
    (line,) = points(curve_plot([curve], label="a"))
    (peak,) = points(curve_plot([Curve("a", [7778, 10_000], [5.0, 1.0])], label="a"))
    assert len(line) < 500 and peak[0] in line and peak[1] == line[-1]


@pytest.mark.parametrize("value, unit", [
    (2.5e14, "10¹²"), (12_000.0, "10³"), (5e-5, "10⁻⁶"), (0.002, "10⁻³"), (0.4, "")])
def test_numbers_at_the_axis_are_short_whatever_the_size(value, unit):
    plot = curve_plot([Curve("a", [1, 2], [value / 2, value])], label="a")
    texts = re.findall(r'class="tick" text-anchor="end">([^<]*)<', plot)
    assert [text for text in texts if re.search("[⁰¹²³⁴-⁹]", text)] == [unit][:bool(unit)]
    assert all(len(text) <= 7 for text in texts)


def test_durations_are_as_long_as_they_are():
    plot = ElementTree.fromstring(duration_plot(["a", "b"], [10.0, 5.0], ["10 s", "5 s"],
                                                label="durations"))
    one, other = (float(bar.get("width")) for bar in plot.iter("rect"))
    assert one == pytest.approx(2 * other, rel=0.01)
