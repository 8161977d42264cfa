import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gram_jax.evaluation import drawing
from gram_jax.evaluation.comparison import plots


@given(st.lists(st.floats(0, 500), min_size=1, max_size=10), st.floats(1, 20))
def test_labels_keep_apart_and_in_order_and_move_no_more_than_they_must(heights, least):
    moved = drawing.apart(heights, least)
    order = np.argsort(heights, kind="stable")
    gaps = np.diff(np.array(moved)[order])
    assert (gaps >= least - 1e-6).all()
    if (np.diff(np.array(heights)[order]) >= least).all():
        assert moved == pytest.approx(heights)
    assert sum(moved) == pytest.approx(sum(heights), abs=1e-6)  # as much up as down


@given(st.floats(0, 1), st.floats(0, 1))
def test_ticks_are_round_rise_and_enclose(one, other):
    low, high = min(one, other), max(one, other)
    ticks = drawing.ticks_of(low, high)
    assert 2 <= len(ticks) <= 9
    assert ticks[0] <= low + 1e-9
    assert ticks[-1] >= high - 1e-9
    assert (np.diff(ticks) > 0).all()
    np.testing.assert_allclose(np.diff(ticks), ticks[1] - ticks[0])


@given(st.floats(1e-3, 1e5), st.floats(1e-3, 1e5))
def test_decades_enclose(one, other):
    decades = plots._decades(min(one, other), max(one, other))
    assert decades[0] <= min(one, other) * (1 + 1e-9)
    assert decades[-1] >= max(one, other) * (1 - 1e-9)
    assert len(decades) >= 2


NAMES = ["plain", "<b>&", "quote\"'", "a name that is so long that it will not fit anywhere at all"]


def drawn(plot):
    (svg,) = ElementTree.fromstring(plot)
    return svg


def texts(svg):
    return ["".join(text.itertext()) for text in svg.iter("text")]


@pytest.mark.parametrize("plot", [
    lambda: plots.line_plot(NAMES, [np.linspace(0, 1, 300), np.full(1, 0.2), np.zeros(0),
                                    np.zeros(40)], label="l", x_label="x", dashed=0),
    lambda: plots.line_plot(NAMES[:1], [np.zeros(0)], label="l", x_label="x", dashed=0),
    lambda: plots.interval_plot(NAMES, [0.1, 0.2, 0.3, 0.3], [0.0, 0.2, 0.2, 0.3],
                                [0.2, 0.2, 0.4, 0.3], ["", "▲", "▼", ""], label="l", baseline=0),
    lambda: plots.interval_plot(["one"], [0.0], [0.0], [0.0], [""], label="l", baseline=0),
    lambda: plots.scatter_plot(NAMES, [1.0, 1.0, 1.0, 900.0], [0.5, 0.5, 0.51, 0.2], label="l",
                               x_label="x", numbers=[0, 1, 2, 13]),
    lambda: plots.scatter_plot(["one"], [10.0], [0.0], label="l", x_label="x", numbers=[0]),
    lambda: plots.share_plot(NAMES, np.array([[3, 2, 1], [0, 6, 0], [6, 0, 0], [0, 0, 0]]),
                             label="l"),
])
def test_any_plot_is_well_formed_and_every_number_is_finite(plot):
    svg = drawn(plot())
    _, _, width, height = map(float, svg.get("viewBox").split())
    for element in svg.iter():
        for name in ("x", "y", "cx", "cy", "x1", "x2", "y1", "y2"):
            if name in element.attrib:
                limit = width if "x" in name else height
                assert -1 <= float(element.get(name)) <= limit + 1
        assert "nan" not in str(element.attrib)


def test_a_line_passes_through_its_points_and_an_interval_has_its_ends():
    svg = drawn(plots.line_plot(["a"], [np.array([0.0, 0.5, 1.0])], label="l", x_label="x",
                                dashed=1))
    points = [tuple(map(float, point.split(",")))
              for point in svg.find("polyline").get("points").split()]
    assert len(points) == 3
    heights = [y for _, y in points]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2)
    shares = (points[1][0] - points[0][0]) / (points[2][0] - points[0][0])
    assert shares == pytest.approx(np.log(2) / np.log(3), abs=0.01)
    svg = drawn(plots.interval_plot(["a", "b"], [0.2, 0.6], [0.1, 0.5], [0.4, 0.7], ["", "▲"],
                                    label="l", baseline=0))
    (a, b) = svg.findall("line[@class='interval m0']") + svg.findall("line[@class='interval m1']")
    unit = (float(b.get("x1")) - float(a.get("x1"))) / 0.4
    assert float(a.get("x2")) - float(a.get("x1")) == pytest.approx(0.3 * unit, abs=0.3)
    assert "0.600 ▲" in texts(svg)


def test_bars_are_as_long_as_their_counts_and_names_are_text():
    svg = drawn(plots.share_plot(["<b>"], np.array([[30, 20, 10]]), label="l"))
    widths = {bar.get("class"): float(bar.get("width")) for bar in svg.iter("rect")}
    assert widths["better"] == pytest.approx(3 * widths["worse"], abs=0.2)
    assert widths["equal"] == pytest.approx(2 * widths["worse"], abs=0.2)
    assert {"<b>", "30", "10"} <= set(texts(svg))


def test_names_of_dots_do_not_cover_each_other():
    names = [f"method {at}" for at in range(8)]
    svg = drawn(plots.scatter_plot(names, [1, 1.1, 1.2, 5, 5, 80, 90, 100.0],
                                   [0.5, 0.51, 0.5, 0.3, 0.31, 0.7, 0.71, 0.7], label="l",
                                   x_label="x", numbers=range(8)))
    boxes = []
    for text in svg.iter("text"):
        if re.match(r"name", text.get("class")):
            width = 7.5 * len(text.text)
            start = float(text.get("x")) - {"start": 0, "middle": 0.5, "end": 1}[
                text.get("text-anchor")] * width
            boxes.append((start, float(text.get("y")), start + width))
    assert len(boxes) == 8
    for at, (start, y, end) in enumerate(boxes):
        for other_start, other_y, other_end in boxes[:at]:
            assert end <= other_start or other_end <= start or abs(y - other_y) >= 11
