"""What changed between reference and batch, in plain words."""

from __future__ import annotations

import numpy as np

from mtl.monitoring.distances import scale_of
from mtl.monitoring.parts import Categories, Flags, Numbers, Part, Vectors

OTHER = "any other value"
SHOWN = 40
"""Characters of a value at most."""


def of_nulls(reference: Part, batch: Part) -> str:
    return f"without a value {_percent(reference.nulls, reference.rows)} -> {_percent(batch.nulls, batch.rows)}"


def of_values(reference: Part, batch: Part) -> str:
    """What moved most: the mean, the share of a value, or that of a range of numbers."""
    if isinstance(reference, Numbers) and isinstance(batch, Numbers):
        return _of_numbers(reference, batch)
    if isinstance(reference, Vectors) and isinstance(batch, Vectors):
        moved = np.abs(np.array(batch.mean) - np.array(reference.mean)) / scale_of(reference)
        return f"the one of its {len(moved)} numbers that moved most did so by {figure(float(moved.max()))} standard deviations"
    before, after = (shares_by_name(one) for one in (reference, batch))
    name = max(before, key=lambda value: abs(after.get(value, 0.0) - before[value]))
    return f"{_named(name)} {before[name]:.1%} -> {after.get(name, 0.0):.1%}"


def shares_by_name(part: Part) -> dict[str, float]:
    """Value or label -> its share of the rows that have a value; other values together as the last."""
    if not isinstance(part, Categories | Flags):
        return {}
    shares = {name: count / max(1, part.known) for name, count in part.values.items()}
    return shares if isinstance(part, Flags) else {**shares, OTHER: part.other / max(1, part.known)}


def figure(value: float) -> str:
    """Four significant digits, without an exponent as far as that can be read."""
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def range_of(edges: tuple[float, ...], at: int) -> str:
    """The bin `at` in words."""
    if not edges:
        return "any value"
    if at == 0:
        return f"up to {figure(edges[0])}"
    if at == len(edges):
        return f"above {figure(edges[-1])}"
    return f"above {figure(edges[at - 1])} up to {figure(edges[at])}"


def _of_numbers(reference: Numbers, batch: Numbers) -> str:
    before, after = reference.mean, batch.mean
    if before is None or after is None:
        return "no value to compare"
    if abs(after - before) > 0.1 * (reference.std or 0.0):
        return f"mean {figure(before)} -> {figure(after)}"
    shares = [np.array(one.counts) / max(1, one.known) for one in (reference, batch)]
    at = int(np.abs(shares[1] - shares[0]).argmax())
    return f"{range_of(reference.edges, at)}: {shares[0][at]:.1%} -> {shares[1][at]:.1%}"


def _named(name: str) -> str:
    return name if name == OTHER else repr(name if len(name) <= SHOWN else name[: SHOWN - 1] + "…")


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"
