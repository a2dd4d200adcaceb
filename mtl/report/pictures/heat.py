"""A matrix of tasks as a heat map: above zero one colour, below another, the stronger the further from zero."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import groupby

from markupsafe import Markup

from mtl.report.pictures.drawing import Drawing
from mtl.report.words import shortened

Matrix = Sequence[Sequence[float | None]]
SIDE, LABELS, TOP = 246.0, 108.0, 14.0
"""Width of all cells, room for names on their left and for numbers above them, in user units."""
MOST_NAMED, MOST_WRITTEN = 24, 12
"""With more tasks cells have no names and tooltips, or no figures in them."""
STEPS = 4
"""Shades on either side of zero."""


def heat_map(label: str, names: Sequence[str], values: Matrix, top: float, text: Callable[[float], str], tip: str) -> Markup:
    """Rows and columns in the order of `names`; `top` is the size that has the strongest shade, None an empty cell.

    `tip` says in a cell's tooltip what `{row}`, `{column}` and `{value}` mean.
    """
    named = len(names) <= MOST_NAMED
    left, above = (LABELS, TOP) if named else (0.0, 0.0)
    width = SIDE if named else LABELS + SIDE
    cell = width / max(len(names), 1)
    drawing = Drawing(label, above + cell * len(names), left + width, css="chart heat")
    if not named:
        _rows(drawing, values, top, cell)
        return drawing.markup()
    for i, (name, row) in enumerate(zip(names, values, strict=True)):
        middle = above + cell * (i + 0.5)
        drawing.text(left - 16, middle + 3.5, shortened(name, 15), "tick", "end")
        drawing.text(left - 3, middle + 3.5, str(i + 1), "tick number", "end")
        drawing.text(left + cell * (i + 0.5), above - 4, str(i + 1), "tick number")
        for j, value in enumerate(row):
            said = "never meet" if value is None else text(value)
            title = tip.format(row=name, column=names[j], value=said)
            drawing.rect(left + cell * j, above + cell * i, cell, cell, shade(value, top), title)
            if value is not None and len(names) <= MOST_WRITTEN:
                drawing.text(left + cell * (j + 0.5), middle + 3, text(value), "figure")
    return drawing.markup()


def shade(value: float | None, top: float) -> str:
    """CSS class of a value: p1 … p4 above zero, n1 … n4 below, zero; none where there is nothing."""
    if value is None or not math.isfinite(value):
        return "none"
    step = max(-STEPS, min(STEPS, round(STEPS * value / top))) if top > 0 else 0
    return f"p{step}" if step > 0 else f"n{-step}" if step < 0 else "zero-cell"


def _rows(drawing: Drawing, values: Matrix, top: float, cell: float) -> None:
    """Many cells: neighbours of one shade in a row are one stroke, all strokes of a shade one path."""
    strokes: dict[str, list[tuple[float, float, float]]] = {}
    for i, row in enumerate(values):
        for css, run in groupby(enumerate(row), key=lambda item: shade(item[1], top)):
            places = [j for j, _ in run]
            strokes.setdefault(css, []).append((cell * places[0], cell * (i + 0.5), cell * len(places)))
    for css, of_shade in sorted(strokes.items()):
        drawing.strokes(of_shade, f"stroke {css}", cell)
