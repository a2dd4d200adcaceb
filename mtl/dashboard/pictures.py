"""Pictures over versions and over time, in the report's manner: drawn on the server side, nothing to run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from mtl.dashboard.past import Fate, Reign
from mtl.report.pictures.axis import Scale, spread, ticks
from mtl.report.pictures.drawing import Drawing, at
from mtl.report.words import number, percent

WIDTH, HEIGHT = 340.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 50.0, 10.0, 12.0, 34.0
MOST_LABELS = 9
LEAST_SHARE = 0.035
"""Of the time line's width, below which a champion's number does not fit into its bar."""


@dataclass(frozen=True)
class Point:
    """A figure of one version, with its interval and what became of it."""

    value: float | None
    low: float | None
    high: float | None
    fate: Fate
    title: str


def over_versions(
    label: str, versions: Sequence[int], points: Sequence[Point], serving: Sequence[float | None] = (), *,
    share: bool = False, zero: bool = False,
) -> Markup:  # fmt: skip
    """A chart with a place for each version, the oldest left; `serving`: the figure of the version that was champion there, as a
    line. `share`: figures are told in percent; `zero`: the axis begins there."""
    shown = [v for p in points for v in (p.value, p.low, p.high) if v is not None]
    ends = spread([*shown, 0.0] if zero else shown, 0.06)
    up = Scale(0.0 if zero and not any(v < 0 for v in shown) else ends[0], ends[1], HEIGHT - BOTTOM, TOP)
    drawing = Drawing(label, HEIGHT, WIDTH, css="chart")
    for tick in ticks(up.low, up.high, most=5):
        drawing.line(LEFT, up(tick), WIDTH - RIGHT, up(tick), "zero" if tick == 0 and not zero else "grid")
        drawing.text(LEFT - 6, up(tick) + 3.5, _tick(tick, share), "tick", "end")
    drawing.line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "axis")
    _labels(drawing, versions)
    _steps(drawing, [None if v is None else up(v) for v in serving])
    for place, point in enumerate(points):
        x = _place(place, len(points))
        if point.low is not None and point.high is not None:
            drawing.line(x, up(point.low), x, up(point.high), f"interval {point.fate.css}", point.title)
        if point.value is not None:
            drawing.mark(x, up(point.value), point.fate.path, f"fate {point.fate.css}", point.title)
    return drawing.markup()


def _place(index: int, many: int) -> float:
    return LEFT + (index + 0.5) / max(many, 1) * (WIDTH - LEFT - RIGHT)


def _labels(drawing: Drawing, versions: Sequence[int]) -> None:
    """Numbers of versions below the axis, the newest always among them."""
    every = -(-len(versions) // MOST_LABELS)
    for place, version in enumerate(versions):
        if (len(versions) - 1 - place) % max(every, 1) == 0:
            drawing.text(_place(place, len(versions)), HEIGHT - BOTTOM + 14, str(version), "tick")
    drawing.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 5, "version", "axis-name")


def _steps(drawing: Drawing, heights: Sequence[float | None]) -> None:
    """A line that steps half-way between places; where nothing is known it ends and begins anew."""
    half = (WIDTH - LEFT - RIGHT) / max(len(heights), 1) / 2
    run: list[tuple[float, float]] = []
    for place, y in enumerate([*heights, None]):
        if y is None:
            drawing.polyline(run, "curve model faint")
            run = []
            continue
        x = _place(place, len(heights))
        run += [(x - half, y), (x + half, y)]


def _tick(value: float, share: bool) -> str:
    if share:
        return f"{round(value * 100, 6):g} %".replace("-", "−")
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):g}{letter}".replace("-", "−")
    return f"{value:g}".replace("-", "−")


def time_line(label: str, reigns: Sequence[Reign], decisions: Sequence[tuple[str, Fate, str]], last: str) -> Markup:
    """Bars of the champions from the first decision to `last`, below them a mark for every decision (at, fate, what it says)."""
    drawing = Drawing(label, 78, css="timeline")
    begin = min([one.start for one in reigns] + [moment for moment, *_ in decisions])
    first, end = _seconds(begin), _seconds(last)
    scale = Scale(first, max(end, first + 1), 0.0, 1.0)
    for turn, one in enumerate(reigns):
        left, right = (scale(_seconds(moment)) for moment in (one.start, one.end or last))
        right = 1.0 if one.end is None else right
        css = "now" if one.end is None else "odd" if turn % 2 else "even"
        tip = f"version {one.version}: {_when(one.start)} to {_when(one.end) if one.end else 'now'}"
        drawing.rect(at(left), 4, at(right - left), 26, f"reign {css}", tip)
        if right - left >= LEAST_SHARE:
            drawing.text(at((left + right) / 2), 21, str(one.version), "reign-name")
    for moment, fate, tip in decisions:
        drawing.mark(at(0.006 + 0.988 * scale(_seconds(moment))), 44, fate.path, f"fate {fate.css}", tip)
    _dates(drawing, begin, last, scale)
    return drawing.markup()


def _dates(drawing: Drawing, begin: str, last: str, scale: Scale) -> None:
    """Both ends."""
    drawing.text(at(0), 72, _when(begin), "tick", "start")
    if scale.high - scale.low > 3600:
        drawing.text(at(1), 72, _when(last), "tick", "end")


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _when(moment: str) -> str:
    return f"{moment[:10]} {moment[11:16]}"


def told(value: float | None, low: float | None, high: float | None, share: bool = False) -> str:
    """`0.43 (0.39 to 0.47)`."""
    words = percent if share else number
    return words(value) + (f" ({words(low)} to {words(high)})" if low is not None and high is not None else "")
