"""Pictures of one row: as wide as their place, so that hundreds of rows stand under each other at any width of the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mtl.report.pictures.axis import Scale, ticks, without_outliers
from mtl.report.pictures.drawing import Drawing, at
from mtl.report.words import VERDICTS, Verdict, is_number, signed

ROW = 24.0
SHAPES = {
    "better": "M-5.5 4.5L0 -5.5L5.5 4.5Z",
    "worse": "M-5.5 -4.5L0 5.5L5.5 -4.5Z",
    "no-worse": "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0Z",
    "cannot-tell": "M-5.5 0L0 -5.5L5.5 0L0 5.5Z",
    "undefined": "M-2 0h4v1h-4Z",
}
ARROWS = {"low": "M0 0L7 -4.5V4.5Z", "high": "M0 0L-7 -4.5V4.5Z"}


@dataclass(frozen=True)
class Effect:
    """A difference to a rival, up is better: value, interval, verdict and what the tooltip says."""

    value: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    title: str


@dataclass(frozen=True)
class Axis:
    """The common axis of a column of strips, in the effects' unit."""

    low: float
    high: float
    tolerance: float

    def share(self, value: float) -> float:
        return Scale(self.low, self.high, 0.0, 1.0)(value)

    def ticks(self) -> list[float]:
        return ticks(self.low, self.high, most=5)


def axis_of(effects: Iterable[Effect], tolerance: float) -> Axis:
    """An axis that shows zero, the tolerance and all effects but for the far ends of a few."""
    shown = [v for e in effects for v in (e.low, e.value, e.high) if is_number(v) and v is not None]
    low, high = without_outliers(shown)
    low, high = min(low, -1.5 * tolerance, 0.0), max(high, tolerance, 0.0)
    room = (high - low) * 0.05 or 0.5
    return Axis(low - room, high + room, tolerance)


def axis_labels(axis: Axis, unit: str = " %") -> Markup:
    """The axis' tick labels, to stand above its strips."""
    drawing = Drawing(f"axis from {signed(axis.low)} to {signed(axis.high)}{unit}", 18, css="strip")
    digits = 0 if all(t == int(t) for t in axis.ticks()) else 1 if axis.high - axis.low > 0.5 else 3
    for tick in axis.ticks():
        share = axis.share(tick)
        drawing.text(at(share), 13, "0" if tick == 0 else signed(tick, digits) + unit, "tick")
    return drawing.markup()


def effect_strip(effect: Effect, axis: Axis) -> Markup:
    """One row of a forest plot: interval and value, arrows where the axis ends before the interval does."""
    drawing = Drawing(effect.title, ROW, css=f"strip {effect.verdict.css}")
    middle = ROW / 2
    if axis.tolerance:
        left = axis.share(-axis.tolerance)
        drawing.rect(at(left), 0, at(axis.share(0.0) - left), ROW, "tolerance")
    for tick in axis.ticks():
        drawing.line(at(axis.share(tick)), 0, at(axis.share(tick)), ROW, "zero" if tick == 0 else "grid")
    if effect.low is not None and effect.high is not None:
        drawing.line(at(axis.share(effect.low)), middle, at(axis.share(effect.high)), middle, "interval", effect.title)
        for end, beyond in (("low", effect.low < axis.low), ("high", effect.high > axis.high)):
            if beyond:
                drawing.mark(at(0.0 if end == "low" else 1.0), middle, ARROWS[end], "mark", "the interval goes on")
    if effect.value is not None and axis.low <= effect.value <= axis.high:
        drawing.mark(at(axis.share(effect.value)), middle, SHAPES[effect.verdict.css], "mark", effect.title)
    return drawing.markup()


def value_strip(
    value: float, low: float | None, high: float | None, other: float | None, ends: tuple[float, float], title: str
) -> Markup:
    """A value with its interval and, as an upright stroke, what the rival reached; all on the range `ends`."""
    drawing = Drawing(title, ROW, css="strip plain")
    scale, middle = Scale(*ends, 0.02, 0.98), ROW / 2
    drawing.line(at(0), middle, at(1), middle, "grid")
    if low is not None and high is not None:
        drawing.line(at(scale(low)), middle, at(scale(high)), middle, "interval", title)
    if other is not None:
        drawing.line(at(scale(other)), 4, at(scale(other)), ROW - 4, "rival", title)
    drawing.circle(at(scale(value)), middle, 4, "mark", title)
    return drawing.markup()


def share_bar(share: float, title: str, css: str = "plain", reference: float | None = None) -> Markup:
    """A bar from 0 to 1; `reference` is an upright stroke."""
    drawing = Drawing(title, 14, css=f"strip bar {css}")
    drawing.rect(at(0), 3, at(1), 8, "track")
    drawing.rect(at(0), 3, at(share), 8, "filled", title)
    if reference is not None:
        drawing.line(at(reference), 0, at(reference), 14, "zero")
    return drawing.markup()


def stacked_bar(parts: Sequence[tuple[str, int, str]], title: str, height: float = 16) -> Markup:
    """Counts side by side as shares of their sum; a part is (css class, count, tooltip)."""
    drawing = Drawing(title, height, css="strip stack")
    total, before = sum(count for _, count, _ in parts) or 1, 0
    for css, count, tip in parts:
        if count:
            drawing.rect(at(before / total), 0, at(count / total), height, f"filled {css}", tip)
        before += count
    return drawing.markup()


def verdict_bar(counts: dict[str, int], title: str) -> Markup:
    """How many tasks have which verdict."""
    parts = [(v.css, counts.get(name, 0), f"{name}: {counts.get(name, 0)}") for name, v in VERDICTS.items()]
    return stacked_bar(parts, title, height=12)
