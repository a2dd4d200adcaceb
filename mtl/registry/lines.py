"""Rows of text with their columns under each other, as the registry's verbs print them."""

from __future__ import annotations

from collections.abc import Sequence


def table_lines(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """`rows`, all as long as each other, as lines; columns whose number is in `right` end together, the others begin together."""
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.rjust(wide[at]) if at in right else cell.ljust(wide[at]) for at, cell in enumerate(row)) for row in rows
    )
    return [line.rstrip() for line in lines]


def figure(value: float | None, sign: bool = False) -> str:
    """To four digits, with its sign to three, for a column of a table; a dash where there is none."""
    return "–" if value is None else f"{value:+.3g}" if sign else f"{value:.4g}"


def between(low: float | None, high: float | None, sign: bool = False) -> str:
    """`0.38 to 0.44`; nothing where an end is missing."""
    return "" if low is None or high is None else f"{figure(low, sign)} to {figure(high, sign)}"


def moment(at: str) -> str:
    """A time in ISO 8601, UTC, to the minute: `2026-11-22 21:57 UTC`."""
    return f"{at[:10]} {at[11:16]} UTC"
