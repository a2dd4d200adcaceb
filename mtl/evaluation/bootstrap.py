"""The paired bootstrap: the same resamples for every task and every rival, in chunks of bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtl.evaluation.metrics.values import Array, Indices, Scorer

CHUNK_BYTES = 16 << 20
"""Size of one chunk of weights; a scorer needs a few times as much."""

Draws = dict[str, dict[str, Array]]
"""Rival -> metric -> its value in each resample [resamples], NaN where undefined."""


@dataclass(frozen=True)
class Item:
    """What is resampled together: some rows, and a scorer of these rows for each rival."""

    rows: Indices
    scorers: Mapping[str, Scorer]


def resample_weights(rows: int, resamples: int, seed: int, groups: np.ndarray[Any, Any] | None = None) -> Iterator[Array]:
    """Chunks of weights float64 [rows, chunk]: how often each row is drawn, Efron's multinomial bootstrap.

    With `groups` [rows] whole groups are drawn, as many as there are. The draws depend on rows (or groups),
    resamples and seed alone, not on the size of a chunk.
    """
    random = np.random.default_rng(seed)
    unit_of = None if groups is None else np.unique(groups, return_inverse=True)[1]
    units = rows if unit_of is None else int(unit_of.max(initial=-1)) + 1
    chunk = max(1, min(resamples, CHUNK_BYTES // (8 * max(1, rows))))
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        counts = np.stack([np.bincount(random.integers(0, units, units), minlength=units) for _ in range(size)])
        yield np.ascontiguousarray((counts if unit_of is None else counts[:, unit_of]).T, dtype=np.float64)


def bootstrap(
    items: Sequence[Item], rows: int, *, resamples: int, seed: int, groups: np.ndarray[Any, Any] | None = None
) -> list[Draws]:
    """Each item's metrics in each resample of all `rows`, in the order of `items`."""
    parts: list[list[Draws]] = [[] for _ in items]
    if not rows:
        return [{} for _ in items]
    for weights in resample_weights(rows, resamples, seed, groups):
        for item, collected in zip(items, parts):
            own = weights if len(item.rows) == rows else weights[item.rows]
            collected.append({rival: score(own) for rival, score in item.scorers.items()})
    return [_joined(collected) for collected in parts]


def _joined(parts: Sequence[Draws]) -> Draws:
    first = parts[0]
    return {rival: {m: np.concatenate([p[rival][m] for p in parts]) for m in metrics} for rival, metrics in first.items()}


@dataclass(frozen=True)
class Interval:
    """Percentile interval; both ends None where too few resamples define the metric."""

    low: float | None
    high: float | None


def interval(draws: Array, confidence: float, value: float | None = None) -> Interval:
    """Percentile interval of the defined draws: order statistics, the same from either end.

    Undefined where fewer than half of the draws are defined. Where `value` lies outside (a calibration error is
    larger in resamples than on test) the interval is widened to hold it.
    """
    known = np.sort(draws[np.isfinite(draws)])
    if 2 * len(known) < len(draws) or not len(known):
        return Interval(None, None)
    at = max(0, math.ceil(round((1 - confidence) / 2 * len(known), 9)) - 1)
    low, high = float(known[at]), float(known[len(known) - 1 - at])
    return Interval(low, high) if value is None else Interval(min(low, value), max(high, value))
