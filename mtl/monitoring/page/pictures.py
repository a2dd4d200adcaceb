"""Reference beside batch, as small pictures: bins, values, whether there is a value, the numbers of a vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from markupsafe import Markup

from mtl.monitoring import wording
from mtl.monitoring.compare import Finding
from mtl.monitoring.distances import scale_of
from mtl.monitoring.parts import Numbers, Part, Vectors
from mtl.report.pictures.axis import Scale, ticks
from mtl.report.pictures.drawing import Drawing
from mtl.report.words import percent, shortened

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 340.0, 190.0, 40.0, 6.0, 10.0, 34.0
"""Of upright pictures, in user units."""
NAMES, ROW, MOST_ROWS = 120.0, 26.0, 8
"""Of level ones: room for names, height of a row, values shown at most."""
MOST_NUMBERS = 40
"""Numbers of a vector that are shown, those that moved most."""
SIDES = (("reference", "reference"), ("batch", "batch"))


def picture(one: Finding) -> Markup:
    """The picture that fits what was compared."""
    label = f"{one.where}, {one.aspect}: reference beside batch"
    if one.aspect == "nulls":
        shares = [{"without a value": part.nulls / max(1, part.rows)} for part in (one.reference, one.batch)]
        return _level(label, *shares)
    if isinstance(one.reference, Numbers):
        return _bins(label, one.reference, one.batch)
    if isinstance(one.reference, Vectors) and isinstance(one.batch, Vectors):
        return _numbers(label, one.reference, one.batch)
    return _level(label, *(wording.shares_by_name(part) for part in (one.reference, one.batch)))


def _bins(label: str, reference: Numbers, batch: Part) -> Markup:
    """Share of the rows in each bin of the reference; bins are drawn equally wide, since equally many rows of it are in each."""
    assert isinstance(batch, Numbers)
    sides = [[count / max(1, part.known) for count in part.counts] for part in (reference, batch)]
    drawing, up = _upright(label, max(max(of) for of in sides), lambda value: percent(value, 0))
    slot = (WIDTH - LEFT - RIGHT) / len(sides[0])
    for at, pair in enumerate(zip(*sides, strict=True)):
        where = wording.range_of(reference.edges, at)
        for side, ((css, name), value) in enumerate(zip(SIDES, pair, strict=True)):
            _column(drawing, up, LEFT + slot * (at + 0.1 + 0.4 * side), slot * 0.4, value, css, f"{where}: {value:.1%} ({name})")
    every = -(-len(reference.edges) // 5) or 1
    for at, edge in list(enumerate(reference.edges))[every - 1 :: every]:
        x = LEFT + slot * (at + 1)
        drawing.line(x, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 4, "axis")
        drawing.text(x, HEIGHT - BOTTOM + 16, wording.figure(edge), "tick")
    return drawing.markup()


def _numbers(label: str, reference: Vectors, batch: Vectors) -> Markup:
    """By how many standard deviations each number moved, the furthest first."""
    moved = np.abs(np.array(batch.mean) - np.array(reference.mean)) / scale_of(reference)
    order = np.argsort(-moved)[:MOST_NUMBERS]
    drawing, up = _upright(label, float(moved.max()), lambda value: f"{value:g}")
    slot = (WIDTH - LEFT - RIGHT) / len(order)
    for place, at in enumerate(order):
        tip = f"number {at}: moved by {wording.figure(float(moved[at]))} standard deviations"
        _column(drawing, up, LEFT + slot * (place + 0.15), slot * 0.7, float(moved[at]), "batch", tip)
    many = "all" if len(order) == len(moved) else f"{len(order)} of {len(moved)}"
    drawing.text((LEFT + WIDTH) / 2, HEIGHT - BOTTOM + 18, f"{many} numbers, the furthest moved first", "tick")
    return drawing.markup()


def _upright(label: str, top: float, text: Callable[[float], str]) -> tuple[Drawing, Scale]:
    """An empty picture with a grid from zero to `top`."""
    drawing, up = Drawing(label, HEIGHT, WIDTH, css="chart"), Scale(0.0, top * 1.08 or 1.0, HEIGHT - BOTTOM, TOP)
    for tick in ticks(0.0, top or 1.0, most=5):
        drawing.line(LEFT, up(tick), WIDTH - RIGHT, up(tick), "grid")
        drawing.text(LEFT - 5, up(tick) + 3.5, text(tick), "tick", "end")
    drawing.line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "axis")
    return drawing, up


def _column(drawing: Drawing, up: Scale, x: float, width: float, value: float, css: str, tip: str) -> None:
    drawing.rect(x, up(value), max(width, 0.5), HEIGHT - BOTTOM - up(value), f"side {css}", tip)


def _level(label: str, reference: dict[str, float], batch: dict[str, float]) -> Markup:
    """Two bars for each value, those that changed most at the top."""
    names = sorted(reference, key=lambda name: -abs(batch.get(name, 0.0) - reference[name]))
    names = [name for name in names if reference[name] or batch.get(name)][:MOST_ROWS]
    drawing = Drawing(label, ROW * max(1, len(names)) + 4, WIDTH, css="chart")
    across = Scale(0.0, max([reference[n] for n in names] + [batch.get(n, 0.0) for n in names], default=0.0) or 1.0, 0.0, 1.0)
    room = WIDTH - NAMES - 52
    for at, name in enumerate(names):
        y = ROW * at + 2
        drawing.text(NAMES - 8, y + 14, shortened(name, 19), "tick", "end")
        for side, ((css, which), value) in enumerate(zip(SIDES, _values(name, reference, batch), strict=True)):
            width = across(value) * room
            drawing.rect(NAMES, y + 1 + 10 * side, max(width, 0.5), 9, f"side {css}", f"{name}: {value:.1%} ({which})")
            drawing.text(NAMES + width + 5, y + 9 + 10 * side, percent(value), "figure", "start")
    return drawing.markup()


def _values(name: str, reference: dict[str, float], batch: dict[str, float]) -> Sequence[float]:
    return reference[name], batch.get(name, 0.0)
