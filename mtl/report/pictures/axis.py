"""Scales and round tick marks, and the frame of a chart with both axes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mtl.report.pictures.drawing import Drawing
from mtl.report.words import number

WIDTH, HEIGHT = 340.0, 230.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 12.0, 24.0, 38.0


@dataclass(frozen=True)
class Scale:
    """Data from `low` to `high` onto `start` to `end`; what lies outside is put on the edge."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most `most` round numbers (1, 2 or 5 times a power of ten apart) from `low` to `high`, both included if round."""
    raw = (high - low) / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    for step in (f * power for f in (1, 2, 5, 10, 20)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            return [round(i * step, 12) + 0.0 for i in range(first, last + 1)]
    return []


def spread(values: Iterable[float], margin: float = 0.04) -> tuple[float, float]:
    """Ends of an axis that shows `values` with a little room; never of no width, never thrown by what is not finite."""
    finite = [v for v in values if math.isfinite(v)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    room = (high - low) * margin or max(abs(low) * 0.1, 0.1)
    return low - room, high + room


def without_outliers(values: Sequence[float], share: float = 0.95, reach: float = 2.0) -> tuple[float, float]:
    """Least and greatest of `values`, but no further from zero than `reach` times the `share` quantile of their sizes."""
    finite = np.asarray([v for v in values if math.isfinite(v)] or [-1.0, 1.0])
    limit = float(np.quantile(np.abs(finite), share)) * reach or 1.0
    return max(float(finite.min()), -limit), min(float(finite.max()), limit)


@dataclass(frozen=True)
class Frame:
    """A chart of WIDTH × HEIGHT: its drawing, with axes, grid and names drawn, and both scales."""

    drawing: Drawing
    x: Scale
    y: Scale


def frame(label: str, x: tuple[float, float], y: tuple[float, float], x_name: str, y_name: str, whole: str = "") -> Frame:
    """An empty chart over the data ranges `x` and `y`; `whole` names the axes ("x", "xy") whose ticks are whole numbers."""
    drawing = Drawing(label, HEIGHT, WIDTH, css="chart")
    across, up = Scale(*x, LEFT, WIDTH - RIGHT), Scale(*y, HEIGHT - BOTTOM, TOP)
    for tick in _shown(ticks(*y, most=5), "y" in whole):
        drawing.line(LEFT, up(tick), WIDTH - RIGHT, up(tick), "grid")
        drawing.text(LEFT - 6, up(tick) + 3.5, _tick_text(tick), "tick", "end")
    for tick in _shown(ticks(*x, most=6), "x" in whole):
        drawing.line(across(tick), HEIGHT - BOTTOM, across(tick), HEIGHT - BOTTOM + 4, "axis")
        drawing.text(across(tick), HEIGHT - BOTTOM + 15, _tick_text(tick), "tick")
    drawing.line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "axis")
    drawing.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, x_name, "axis-name")
    if y_name:
        drawing.text(2, 12, y_name, "axis-name", "start")
    return Frame(drawing, across, up)


def _shown(all_ticks: list[float], whole: bool) -> list[float]:
    return [t for t in all_ticks if not whole or t == int(t)]


def _tick_text(value: float) -> str:
    """Short: 0.25, 20, 1.5k, 3M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):g}{letter}".replace("-", "−")
    return f"{value:g}".replace("-", "−") if abs(value) >= 1e-4 or value == 0 else number(value, 6)
