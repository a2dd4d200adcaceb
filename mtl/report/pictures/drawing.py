"""An SVG picture being put together: text is escaped, numbers are rounded and must be finite."""

from __future__ import annotations

import math
from collections.abc import Iterable

from markupsafe import Markup, escape

Coordinate = float | str
"""User units, or a share of the picture's width as `at()` writes it."""


def at(share: float) -> str:
    """`share` (0 to 1) of the width, as SVG's percent; what lies outside is put on the edge."""
    if not math.isfinite(share):
        raise ValueError(f"a coordinate must be finite; found {share}")
    return f"{100 * min(max(share, 0.0), 1.0):.2f}%"


def text_of(value: Coordinate) -> str:
    """A coordinate as SVG text, with one decimal."""
    if isinstance(value, str):
        return value
    if not math.isfinite(value):
        raise ValueError(f"a coordinate must be finite; found {value}")
    return f"{value:.1f}".removesuffix(".0")


class Drawing:
    """Shapes in the order they are drawn. Every shape takes a CSS class and, if it has more to say, a tooltip.

    With `width` the picture has a view box of user units; without it is as wide as its place and x is a share (see `at`).
    """

    def __init__(self, label: str, height: float, width: float | None = None, css: str = "") -> None:
        self.label, self.height, self.width, self.css = label, height, width, css
        self._parts: list[Markup] = []

    def line(self, x1: Coordinate, y1: Coordinate, x2: Coordinate, y2: Coordinate, css: str, title: str = "") -> None:
        self._add("line", title, {"x1": text_of(x1), "y1": text_of(y1), "x2": text_of(x2), "y2": text_of(y2), "class": css})

    def rect(self, x: Coordinate, y: Coordinate, width: Coordinate, height: Coordinate, css: str, title: str = "") -> None:
        sizes = {"x": text_of(x), "y": text_of(y), "width": text_of(width), "height": text_of(height)}
        self._add("rect", title, {**sizes, "class": css})

    def circle(self, x: Coordinate, y: Coordinate, r: float, css: str, title: str = "") -> None:
        self._add("circle", title, {"cx": text_of(x), "cy": text_of(y), "r": text_of(r), "class": css})

    def polyline(self, points: Iterable[tuple[float, float]], css: str, title: str = "") -> None:
        """An open line through `points`."""
        steps = " ".join(f"{text_of(x)},{text_of(y)}" for x, y in points)
        if steps:
            self._add("polyline", title, {"points": steps, "class": css})

    def dots(self, points: Iterable[tuple[float, float]], css: str) -> None:
        """Many equal dots as one path of empty strokes with round caps: small on disk."""
        steps = "".join(f"M{text_of(x)} {text_of(y)}h0" for x, y in points)
        if steps:
            self._add("path", "", {"d": steps, "class": css})

    def strokes(self, lines: Iterable[tuple[float, float, float]], css: str, width: float) -> None:
        """Many level lines (x, y, length) of one width as one path: small on disk."""
        steps = "".join(f"M{x:.2f} {y:.2f}h{length:.2f}" for x, y, length in lines)
        if steps:
            self._add("path", "", {"d": steps, "class": css, "stroke-width": f"{width:.2f}"})

    def mark(self, x: Coordinate, y: Coordinate, path: str, css: str, title: str = "") -> None:
        """A small shape, `path` drawn around its own origin, set down at (x, y)."""
        inner = Markup('<path d="{}" class="{}"/>').format(path, css)
        tip = Markup("<title>{}</title>").format(title) if title else ""
        self._parts.append(Markup('<svg x="{}" y="{}" class="at">{}{}</svg>').format(text_of(x), text_of(y), tip, inner))

    def text(self, x: Coordinate, y: Coordinate, text: str, css: str = "", anchor: str = "middle") -> None:
        attributes = {"x": text_of(x), "y": text_of(y), "text-anchor": anchor, "class": css}
        self._parts.append(Markup("<text {}>{}</text>").format(_attributes(attributes), text))

    def markup(self) -> Markup:
        box = f"0 0 {text_of(self.width)} {text_of(self.height)}" if self.width else ""
        outer = {"class": self.css, "viewBox": box, "width": text_of(self.width or "100%"), "height": text_of(self.height)}
        body = Markup("").join(self._parts)
        return Markup('<svg {} role="img" aria-label="{}">{}</svg>').format(_attributes(outer), self.label, body)

    def _add(self, tag: str, title: str, attributes: dict[str, str]) -> None:
        tip = Markup("<title>{}</title>").format(title) if title else Markup("")
        opening = Markup("<{} {}").format(tag, _attributes(attributes))
        self._parts.append(opening + (Markup(">{}</{}>").format(tip, tag) if title else Markup("/>")))


def _attributes(pairs: dict[str, str]) -> Markup:
    return Markup(" ").join(Markup('{}="{}"').format(name, escape(value)) for name, value in pairs.items() if value)
