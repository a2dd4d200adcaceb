"""Pictures: every coordinate is finite and inside its box; what is drawn is where it should be."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.report.pictures.axis import Scale, spread, ticks, without_outliers
from mtl.report.pictures.charts import Series, curves, histogram, reliability, scatter
from mtl.report.pictures.drawing import Drawing, at
from mtl.report.pictures.strips import Effect, axis_labels, axis_of, effect_strip, share_bar, stacked_bar, value_strip
from mtl.report.words import VERDICTS

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)
ANY = st.floats(width=64)
ALONG = {"x", "x1", "x2", "cx", "width"}
UPRIGHT = {"y", "y1", "y2", "cy", "height"}


def check(markup: str) -> None:
    """`markup` is XML, and every coordinate lies in its picture."""
    root = ElementTree.fromstring(markup)
    box = [float(v) for v in root.get("viewBox", f"0 0 0 {root.get('height')}").split()]
    for shape in root.iter():
        if shape is root:
            continue
        for name, value in shape.attrib.items():
            if name in ALONG | UPRIGHT:
                within(value, box[2] if name in ALONG else box[3])
        steps = shape.get("points") or (shape.get("d") if "dots" in shape.get("class", "") else "") or ""
        for x, y in re.findall(r"(-?[\d.e]+)[ ,](-?[\d.e]+)", steps):
            within(x, box[2])
            within(y, box[3])


def within(value: str, size: float) -> None:
    if value.endswith("%"):
        assert 0 <= float(value[:-1]) <= 100
    else:
        assert math.isfinite(float(value))
        assert 0 <= float(value) <= size + 0.05


@pytest.mark.parametrize("which", ["nhanes", "crowded"])
def test_every_picture_of_a_page_keeps_inside_its_box(which: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(which)
    pictures = re.findall(
        r'<svg class="(?:strip|chart).*?role="img".*?</svg>(?=[^<]*</(?:span|td|figure|div)|\s*<(?:p|ul|/figure|table))',
        page,
        re.DOTALL,
    )
    assert len(pictures) > 100
    for picture in pictures[:1500]:
        check(picture)


@given(NUMBERS, st.floats(min_value=1e-6, max_value=1e9), st.integers(2, 9))
def test_ticks_are_few_round_inside_and_evenly_apart(low: float, width: float, most: int) -> None:
    high = low + width
    if high - low < 1e-6 * max(abs(low), 1e-3):
        return
    found = ticks(low, high, most)
    assert len(found) <= most
    assert all(low - width * 1e-6 <= t <= high + width * 1e-6 for t in found)
    steps = [b - a for a, b in pairwise(found)]
    assert all(math.isclose(s, steps[0], rel_tol=1e-3) for s in steps)


def test_ticks_of_a_usual_axis() -> None:
    assert ticks(-4.2, 11.3, 5) == [0.0, 5.0, 10.0]
    assert ticks(0, 1, 6) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


@given(st.lists(ANY))
def test_an_axis_has_a_width_whatever_the_values(values: list[float]) -> None:
    low, high = spread([v for v in values if abs(v) < 1e300 or not math.isfinite(v)])
    assert math.isfinite(low)
    assert low < high


def test_one_far_outlier_does_not_squeeze_the_rest() -> None:
    low, high = without_outliers([-1.0] * 50 + [1.0] * 50 + [500.0])
    assert low == -1.0
    assert high == 2.0


@given(NUMBERS)
def test_a_scale_never_leaves_its_range(value: float) -> None:
    assert 10 <= Scale(-5, 5, 10, 20)(value) <= 20
    assert 10 <= Scale(-5, 5, 20, 10)(value) <= 20


EFFECTS = st.builds(
    lambda value, down, up, verdict: Effect(value, value - down, value + up, verdict, 'a "task" <b>'),
    st.floats(-300, 300), st.floats(0, 100), st.floats(0, 100), st.sampled_from(list(VERDICTS.values())),
)  # fmt: skip


@given(st.lists(EFFECTS, min_size=1, max_size=30), st.sampled_from([0.0, 1.0, 2.0]))
def test_forest_rows_keep_inside_and_order_their_ends(effects: list[Effect], tolerance: float) -> None:
    axis = axis_of(effects, tolerance)
    assert axis.low < 0 < axis.high
    check(axis_labels(axis))
    for effect in effects:
        check(effect_strip(effect, axis))
        assert effect.low is not None
        assert effect.high is not None
        assert axis.share(effect.low) <= axis.share(effect.high)


def test_an_interval_beyond_the_axis_ends_in_an_arrow() -> None:
    usual = [Effect(1.0, 0.0, 2.0, VERDICTS["better"], "") for _ in range(40)]
    far = Effect(1.0, -500.0, 2.0, VERDICTS["cannot tell"], "")
    axis = axis_of([*usual, far], 2.0)
    assert "the interval goes on" in effect_strip(far, axis)
    assert "the interval goes on" not in effect_strip(usual[0], axis)


def test_an_effect_that_is_undefined_draws_no_mark() -> None:
    nothing = Effect(None, None, None, VERDICTS["cannot tell"], "undefined")
    strip = effect_strip(nothing, axis_of([nothing], 2.0))
    check(strip)
    assert 'class="mark"' not in strip


def test_the_labels_of_an_axis_do_not_meet_on_a_phone() -> None:
    for ends in ((-0.3, 0.4), (-3, 12), (-80, 5), (-0.001, 0.002), (-150, 900)):
        effects = [Effect(sum(ends) / 2, *ends, VERDICTS["better"], "")]
        labels = ElementTree.fromstring(axis_labels(axis_of(effects, 0.0)))
        places = [
            (float(t.get("x", "0%")[:-1]) / 100 * 340, len(t.text or "") * 5.9) for t in labels.iter() if t.tag.endswith("text")
        ]
        for (left, width), (right, other) in pairwise(places):
            assert left + width / 2 < right - other / 2, ends


@given(st.lists(st.tuples(st.integers(0, 500), ANY), max_size=60), st.none() | st.integers(0, 500))
def test_curves_of_any_losses(points: list[tuple[int, float]], best: int | None) -> None:
    known = [(float(x), y) for x, y in points if abs(y) < 1e300 or not math.isfinite(y)]
    check(curves("loss", [Series("train", known)], best))


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), max_size=30))
def test_scatter_of_any_values(points: list[tuple[float, float]]) -> None:
    check(scatter("s", [p for p, _ in points], [t for _, t in points], "<unit>"))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 10**6)), max_size=20))
def test_reliability_of_any_bins(bins: list[tuple[float, float, int]]) -> None:
    check(reliability("r", *([b[i] for b in bins] for i in range(3))))


@given(st.dictionaries(st.integers(0, 2000), st.integers(1, 500), max_size=50))
def test_histogram_keeps_every_count(counts: dict[int, int]) -> None:
    picture = histogram("h", counts, "epoch", "tasks")
    check(picture)
    drawn = [int(n) for n in re.findall(r"<title>[^<]*: (\d+)</title>", picture)]
    assert sum(drawn) == sum(counts.values())


@given(st.floats(0, 1), st.lists(st.integers(0, 1000), min_size=3, max_size=3))
def test_bars(share: float, counts: list[int]) -> None:
    check(share_bar(share, "s", reference=share))
    bar = stacked_bar([("a", n, "") for n in counts], "s")
    check(bar)
    widths = [float(w) for w in re.findall(r' width="([\d.]+)%"', bar)]
    assert not sum(counts) or sum(widths[1:] if len(widths) > sum(map(bool, counts)) else widths) == pytest.approx(100, abs=0.1)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_value_strips(value: float, low: float, other: float) -> None:
    ends = sorted((value, low, other + 1))
    if ends[0] < ends[2]:
        check(value_strip(value, low, value, other, (ends[0], ends[2]), "t"))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_coordinate_that_is_not_finite_is_an_error(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Drawing("d", 10, 10).line(bad, 0, 1, 1, "c")
    with pytest.raises(ValueError, match="finite"):
        at(bad)


def test_what_lies_outside_is_put_on_the_edge() -> None:
    assert [at(v) for v in (-3.0, 0.25, 7.0)] == ["0.00%", "25.00%", "100.00%"]


def test_text_and_attributes_are_escaped() -> None:
    drawing = Drawing('"><script>', 10, 10)
    drawing.text(1, 1, "<b>")
    drawing.circle(1, 1, 1, '"x', title="</title>")
    root = ElementTree.fromstring(drawing.markup())
    assert root.get("aria-label") == '"><script>'
    assert {e.tag for e in root.iter()} == {"svg", "text", "circle", "title"}
