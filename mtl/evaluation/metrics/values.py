"""The words of the metrics: a value or the reason why there is none, and sums over resample weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.intp]]

Scorer = Callable[[Array], dict[str, Array]]
"""Weights [rows, resamples] -> metric -> its value in each resample [resamples], NaN where undefined."""

NO_ROWS = "no labelled row in test"
ONE_CLASS = "one class only in test"
CONSTANT_TRUTH = "every true value in test is the same"
CONSTANT_PREDICTION = "every prediction is the same"
NO_POSITIVE = "no positive in test, true or predicted"

_RELATIVE_ZERO = 1e-12
"""A spread below this share of the sum of squares is rounding, not spread."""


@dataclass(frozen=True)
class Value:
    """A metric's value on test, or None and the reason why it is undefined."""

    value: float | None
    reason: str = ""


def defined(value: float) -> Value:
    return Value(float(value))


def undefined(reason: str) -> Value:
    return Value(None, reason)


def weighted_sums(columns: Mapping[str, Array], weights: Array) -> dict[str, Array]:
    """Sum over rows of weight × column for each resample; columns [rows], weights [rows, resamples]."""
    sums = np.stack([np.asarray(column, np.float64) for column in columns.values()]) @ weights
    return dict(zip(columns, sums))


def ratio(part: Array, whole: Array) -> Array:
    """part / whole, NaN where whole is not above 0."""
    out = np.full(np.broadcast(part, whole).shape, np.nan)
    np.divide(part, whole, out=out, where=np.asarray(whole) > 0)
    return out


def spread(total: Array, one: Array, square: Array) -> Array:
    """Σw(x − mean)² from Σw, Σwx, Σwx²; exactly 0 where only rounding is left."""
    squares = square - ratio(one * one, total)
    return np.where(squares > _RELATIVE_ZERO * square, squares, 0.0)
