"""What a profile holds of one column, task or input: counts, so that two of them can be compared and tested. JSON, no more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import floor, log10
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from mtl.monitoring.bins import Floats, counts_of, edges_of

TOP = 50
"""Values of a category, and labels of several, that are counted one by one: the most frequent. Where there are more, every other
row says which these are and the rest is counted: on the rows that made them the most frequent they are more so than ever again."""
STEPS = 4
"""Digits behind the first one of its deviation to which the mean of a vector's number is kept."""
DIGITS = 9
"""Significant digits of means and deviations: the last ones of a sum depend on how many threads made it."""


@dataclass(frozen=True)
class Part(ABC):
    """Of `rows` rows, `nulls` without a value."""

    kind: ClassVar[str]
    rows: int
    nulls: int

    @property
    def known(self) -> int:
        """Rows with a value."""
        return self.rows - self.nulls

    @property
    @abstractmethod
    def shares(self) -> Any:
        """The same as shares, for whoever reads the file."""

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self), "shares": self.shares}

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """From what `as_json` gave."""
        kept: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k not in ("kind", "shares")}
        return cls(**kept)


@dataclass(frozen=True)
class Presence(Part):
    """Whether there is something, of what nobody can count more of."""

    kind: ClassVar[str] = "presence"

    @property
    def shares(self) -> dict[str, float]:
        return {"nulls": share(self.nulls, self.rows)}

    @classmethod
    def of(cls, missing: np.ndarray[Any, np.dtype[np.bool_]]) -> Presence:
        return cls(len(missing), int(missing.sum()))


@dataclass(frozen=True)
class Numbers(Part):
    """A histogram: counts of the bins (−∞, e₁], …, (eₙ, ∞), and of those with a value mean and deviation (n − 1)."""

    kind: ClassVar[str] = "number"
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    mean: float | None
    std: float | None

    @property
    def shares(self) -> list[float]:
        return [share(count, self.known) for count in self.counts]

    @classmethod
    def of(cls, values: Floats, edges: tuple[float, ...] | None = None) -> Numbers:
        """Of float64 [rows], NaN where there is none; with bins of their own if `edges` is None."""
        known = np.sort(values[np.isfinite(values)])  # in one order, so that sums are the same
        edges = edges_of(known) if edges is None else edges
        mean = rounded(float(known.mean())) if len(known) else None
        std = rounded(float(known.std(ddof=1))) if len(known) > 1 else None
        return cls(len(values), len(values) - len(known), edges, counts_of(known, edges), mean, std)


@dataclass(frozen=True)
class Categories(Part):
    """Rows of each of the most frequent values, and `other` of all others."""

    kind: ClassVar[str] = "category"
    values: dict[str, int]
    other: int

    @property
    def shares(self) -> dict[str, Any]:
        return {"values": {v: share(n, self.known) for v, n in self.values.items()}, "other": share(self.other, self.known)}

    @classmethod
    def of(cls, cells: pl.Series, values: Mapping[str, int] | None = None) -> Categories:
        """Of texts; `values`: those to count, the most frequent if None."""
        counts = _by_count(cells)
        if values is None and len(counts) > TOP:
            return cls.of(cells.gather_every(2, 1), dict(list(_by_count(cells.gather_every(2)).items())[:TOP]))
        kept = {v: counts.get(v, 0) for v in (counts if values is None else values)}
        return cls(len(cells), cells.null_count(), kept, len(cells) - cells.null_count() - sum(kept.values()))


@dataclass(frozen=True)
class Flags(Part):
    """Labels of which a row has any number: how many rows have each of the most frequent ones."""

    kind: ClassVar[str] = "flags"
    values: dict[str, int]

    @property
    def shares(self) -> dict[str, float]:
        return {v: share(n, self.known) for v, n in self.values.items()}

    @classmethod
    def of(cls, has: np.ndarray[Any, np.dtype[np.bool_]], names: Sequence[str], values: Collection[str] | None = None) -> Flags:
        """`has`: [rows that have a value, name of a label]; `values`: the labels to count, the most frequent if None."""
        counts = dict(zip(names, map(int, has.sum(axis=0)), strict=True))
        if values is None and len(names) > TOP:
            choosing = dict(zip(names, map(int, has[::2].sum(axis=0)), strict=True))
            return cls.of(has[1::2], names, sorted(names, key=lambda name: (-choosing[name], name))[:TOP])
        by_count = sorted(names, key=lambda name: (-counts[name], name))
        return cls(len(has), 0, {name: counts.get(name, 0) for name in (by_count if values is None else values)})


@dataclass(frozen=True)
class Vectors(Part):
    """Mean and deviation (n − 1) of each number of a vector, over the rows that have one."""

    kind: ClassVar[str] = "vector"
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def shares(self) -> dict[str, float]:
        return {"nulls": share(self.nulls, self.rows)}

    @classmethod
    def of(cls, vectors: np.ndarray[Any, Any], rows: int) -> Vectors:
        """Of [rows that have one, size], of `rows` in all."""
        wide = np.asarray(vectors, np.float64)
        nothing = np.zeros(wide.shape[1])
        mean = wide.mean(axis=0) if len(wide) else nothing
        std = wide.std(axis=0, ddof=1) if len(wide) > 1 else nothing
        to_scale = tuple(_to_scale(float(m), float(s)) for m, s in zip(mean, std, strict=True))
        return cls(rows, rows - len(wide), to_scale, tuple(rounded(float(s), 6) for s in std))


def _by_count(cells: pl.Series) -> dict[str, int]:
    """Value -> rows that have it, the most frequent first."""
    found = cells.drop_nulls().cast(pl.String).alias("value").value_counts()
    return dict(found.sort(["count", "value"], descending=[True, False]).iter_rows())


PARTS: dict[str, type[Part]] = {one.kind: one for one in (Presence, Numbers, Categories, Flags, Vectors)}


def part_of(data: Mapping[str, Any]) -> Part:
    """From the mapping that JSON keeps of it."""
    return PARTS[data["kind"]].parse(data)


def share(part: int, whole: int) -> float:
    return rounded(part / whole) if whole else 0.0


def _to_scale(mean: float, std: float) -> float:
    """A mean to as many digits as its deviation gives a meaning to."""
    return round(mean, STEPS - floor(log10(std))) if std > 0 else rounded(mean)


def rounded(value: float, digits: int = DIGITS) -> float:
    return float(f"{value:.{digits}g}")
