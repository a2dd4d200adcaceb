"""Metrics of a quantile task: truth [rows] and predicted quantiles [rows, levels] in the target's unit.

`pinball` is the mean over the levels of their mean pinball loss; `mae`, `rmse` and `r2` are of the median; `coverage_error` is how
far the share of rows inside the outermost interval is from what its levels promise. The width of that interval is told beside
them and is no metric: narrower is better only at the same coverage, and what weighs both is the pinball loss (Gneiting & Raftery
2007, JASA 102, 359–378).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from mtl.evaluation.metrics.regression import is_constant
from mtl.evaluation.metrics.values import (
    CONSTANT_TRUTH,
    Array,
    Scorer,
    Value,
    defined,
    ratio,
    spread,
    undefined,
    weighted_sums,
)

MEDIAN = 0.5


def median(predicted: Array, levels: Sequence[float]) -> Array:
    """The predicted median of each row."""
    return np.asarray(predicted[:, list(levels).index(MEDIAN)])


def inside(truth: Array, predicted: Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether the truth is in the outermost interval, its ends included, [rows]."""
    return np.asarray((predicted[:, 0] <= truth) & (truth <= predicted[:, -1]))


def promised(levels: Sequence[float]) -> float:
    """The share of rows that the outermost interval should hold."""
    return levels[-1] - levels[0]


def point(truth: Array, predicted: Array, levels: Sequence[float]) -> dict[str, Value]:
    """Each metric on all rows (at least one), by scikit-learn."""
    from sklearn import metrics as sk

    middle = median(predicted, levels)
    losses = [sk.mean_pinball_loss(truth, of_level, alpha=level) for of_level, level in zip(predicted.T, levels, strict=True)]
    return {
        "pinball": defined(np.mean(losses)),
        "mae": defined(sk.mean_absolute_error(truth, middle)),
        "rmse": defined(sk.root_mean_squared_error(truth, middle)),
        "r2": undefined(CONSTANT_TRUTH) if is_constant(truth) else defined(sk.r2_score(truth, middle)),
        "coverage_error": defined(abs(inside(truth, predicted).mean() - promised(levels))),
    }


def resampled(truth: Array, predicted: Array, wanted: Collection[str], levels: Sequence[float]) -> Scorer:
    """The same metrics for many weightings of the rows; all of them are sums, so `wanted` saves nothing."""
    t, miss = truth - truth.mean(), truth - median(predicted, levels)
    columns = {
        "all": np.ones_like(t), "t": t, "tt": t * t, "ee": miss**2, "e": np.abs(miss),
        "pinball": _pinball(truth, predicted, levels), "inside": inside(truth, predicted).astype(np.float64),
    }  # fmt: skip

    def score(weights: Array) -> dict[str, Array]:
        s = weighted_sums(columns, weights)
        return {
            "pinball": ratio(s["pinball"], s["all"]),
            "mae": ratio(s["e"], s["all"]),
            "rmse": np.sqrt(ratio(s["ee"], s["all"])),
            "r2": 1 - ratio(s["ee"], spread(s["all"], s["t"], s["tt"])),
            "coverage_error": np.abs(ratio(s["inside"], s["all"]) - promised(levels)),
        }

    return score


def _pinball(truth: Array, predicted: Array, levels: Sequence[float]) -> Array:
    """The mean over levels of each row's loss."""
    above, level = truth[:, None] - predicted, np.asarray(levels)
    return np.asarray(np.maximum(level * above, (level - 1) * above).mean(axis=1))
