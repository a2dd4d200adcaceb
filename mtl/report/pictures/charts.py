"""Charts with two axes: learning curves, reliability diagram, predicted against true, counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mtl.report.pictures.axis import BOTTOM, HEIGHT, TOP, WIDTH, frame, spread
from mtl.report.words import number

MOST_POINTS = 80
"""Of one drawn curve; more cannot be told apart at this width."""


@dataclass(frozen=True)
class Series:
    """A line over epochs: its CSS class and its points (epoch, loss)."""

    css: str
    points: Sequence[tuple[float, float]]


def curves(label: str, series: Sequence[Series], best: float | None, y_name: str = "loss") -> Markup:
    """Losses over epochs; `best` is the epoch whose weights were kept."""
    known = [p for s in series for p in s.points if math.isfinite(p[1])]
    last = max((x for x, _ in known), default=1.0)
    chart = frame(label, (0.0, max(last, 1.0)), spread(_without_explosions(known)), "epoch", y_name, whole="x")
    if best is not None:
        x = chart.x(best)
        chart.drawing.line(x, TOP, x, HEIGHT - BOTTOM, "best", f"best epoch: {number(int(best))}")
        anchor, room = ("end", -4) if x > WIDTH * 0.7 else ("start", 4)
        chart.drawing.text(x + room, TOP + 8, f"best: {best:g}", "tick halo", anchor)
    for one in series:
        points = [(chart.x(x), chart.y(y)) for x, y in _thinned(one.points) if math.isfinite(y)]
        chart.drawing.polyline(points, f"curve {one.css}")
        if len(points) == 1:
            chart.drawing.dots(points, f"dots {one.css}")
    return chart.drawing.markup()


def reliability(
    label: str,
    predicted: Sequence[float],
    observed: Sequence[float],
    count: Sequence[float],
    x_name: str = "predicted probability",
) -> Markup:
    """Observed share against predicted probability; a dot's area is its number of rows, the diagonal is perfect."""
    chart = frame(label, (0.0, 1.0), (0.0, 1.0), x_name, "observed share")
    chart.drawing.line(chart.x(0), chart.y(0), chart.x(1), chart.y(1), "diagonal")
    known = [(p, o, n) for p, o, n in zip(predicted, observed, count) if _finite(p, o, n) and n > 0]
    most = max((n for *_, n in known), default=1)
    chart.drawing.polyline([(chart.x(p), chart.y(o)) for p, o, _ in known], "curve model faint")
    for p, o, n in known:
        tip = f"predicted {number(float(p))}, observed {number(float(o))}, {n:,.0f} rows"
        chart.drawing.circle(chart.x(p), chart.y(o), 2 + 5 * math.sqrt(n / most), "dot", tip)
    return chart.drawing.markup()


def scatter(label: str, predicted: Sequence[float], true: Sequence[float], unit: str) -> Markup:
    """Predicted against true on equal axes; the diagonal is perfect."""
    points = [(t, p) for t, p in zip(true, predicted) if _finite(t, p)]
    ends = spread([v for point in points for v in point])
    suffix = f" ({unit})" if unit else ""
    chart = frame(label, ends, ends, f"true{suffix}", f"predicted{suffix}")
    chart.drawing.line(chart.x(ends[0]), chart.y(ends[0]), chart.x(ends[1]), chart.y(ends[1]), "diagonal")
    chart.drawing.dots([(chart.x(t), chart.y(p)) for t, p in points], "dots model")
    return chart.drawing.markup()


def histogram(label: str, counts: Mapping[int, int], x_name: str, y_name: str) -> Markup:
    """Upright bars over whole numbers, binned where there are many."""
    step = max(1, math.ceil((max(counts, default=1) + 1) / 40))
    bins: dict[int, int] = {}
    for value, many in counts.items():
        bins[value // step * step] = bins.get(value // step * step, 0) + many
    right = max(bins, default=0) + step
    chart = frame(label, (-0.5, right - 0.5), (0.0, max(bins.values(), default=1) * 1.15), x_name, y_name, whole="xy")
    for value, many in sorted(bins.items()):
        left = chart.x(value - 0.5)
        width = chart.x(value + step - 0.5) - left
        span = f"{value}" if step == 1 else f"{value} to {value + step - 1}"
        chart.drawing.rect(
            left + 0.5, chart.y(many), max(width - 1, 1), HEIGHT - BOTTOM - chart.y(many), "column", f"{x_name} {span}: {many}"
        )
    return chart.drawing.markup()


def _finite(*values: float | None) -> bool:
    return all(v is not None and math.isfinite(v) for v in values)


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Every n-th point and the last, MOST_POINTS of them at most."""
    step = math.ceil(len(points) / MOST_POINTS) if points else 1
    kept = list(points[::step])
    return kept if not points or kept[-1] == points[-1] else [*kept, points[-1]]


def _without_explosions(points: Sequence[tuple[float, float]]) -> list[float]:
    """Losses that choose the axis: those far above the rest are drawn on its edge."""
    losses = sorted(y for _, y in points)
    if len(losses) < 8:
        return losses
    middle, low = losses[len(losses) // 2], losses[0]
    return [y for y in losses if y <= middle + 20 * max(middle - low, 1e-9)]
