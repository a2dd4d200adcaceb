"""Metrics of a regression task: truth and prediction in the target's unit, [rows]."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from mtl.evaluation.metrics.values import (
    CONSTANT_PREDICTION,
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


def point(truth: Array, predicted: Array) -> dict[str, Value]:
    """Each metric on all rows (at least one), by scikit-learn; Pearson's correlation by NumPy."""
    from sklearn import metrics as sk

    constant = is_constant(truth)
    return {
        "r2": undefined(CONSTANT_TRUTH) if constant else defined(sk.r2_score(truth, predicted)),
        "mae": defined(sk.mean_absolute_error(truth, predicted)),
        "rmse": defined(sk.root_mean_squared_error(truth, predicted)),
        "correlation": _correlation(truth, predicted),
    }


def is_constant(values: Array) -> bool:
    """Whether they are all the same, up to rounding."""
    return bool(np.ptp(values) <= 1e-9 * np.abs(values).max())


def _correlation(truth: Array, predicted: Array) -> Value:
    if is_constant(truth):
        return undefined(CONSTANT_TRUTH)
    if is_constant(predicted):
        return undefined(CONSTANT_PREDICTION)
    return defined(np.corrcoef(truth, predicted)[0, 1])


def resampled(truth: Array, predicted: Array, wanted: Collection[str]) -> Scorer:
    """The same metrics for many weightings of the rows; all of them are sums, so `wanted` saves nothing."""
    t, p = truth - truth.mean(), predicted - predicted.mean()  # about 0, so that no digits are lost in squares
    miss = truth - predicted
    columns = {"all": np.ones_like(t), "t": t, "p": p, "tt": t * t, "pp": p * p, "tp": t * p, "ee": miss**2, "e": np.abs(miss)}

    def score(weights: Array) -> dict[str, Array]:
        s = weighted_sums(columns, weights)
        truth_spread, spread_of_p = spread(s["all"], s["t"], s["tt"]), spread(s["all"], s["p"], s["pp"])
        together = s["tp"] - ratio(s["t"] * s["p"], s["all"])
        return {
            "r2": 1 - ratio(s["ee"], truth_spread),
            "mae": ratio(s["e"], s["all"]),
            "rmse": np.sqrt(ratio(s["ee"], s["all"])),
            "correlation": np.clip(ratio(together, np.sqrt(truth_spread * spread_of_p)), -1, 1),
        }

    return score
