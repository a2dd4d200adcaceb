"""Metrics of a count: true numbers ≥ 0 and predicted means, [rows].

`deviance` is the mean Poisson deviance, also of tasks that learn a negative binomial: the mean is judged, by one measure. `d2`
is the share of it that the prediction explains, 1 − deviance ÷ that of the mean of the truth.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from mtl.evaluation.metrics.regression import is_constant
from mtl.evaluation.metrics.values import CONSTANT_TRUTH, Array, Scorer, Value, defined, ratio, spread, undefined, weighted_sums

LEAST = 1e-9
"""A mean predicted below it (by a rival, as 0 or less) counts as this, so that the deviance stays finite."""


def point(truth: Array, predicted: Array) -> dict[str, Value]:
    """Each metric on all rows (at least one), by scikit-learn."""
    from sklearn import metrics as sk

    mean = np.maximum(predicted, LEAST)
    return {
        "d2": undefined(CONSTANT_TRUTH) if is_constant(truth) else defined(sk.d2_tweedie_score(truth, mean, power=1)),
        "mae": defined(sk.mean_absolute_error(truth, predicted)),
        "rmse": defined(sk.root_mean_squared_error(truth, predicted)),
        "deviance": defined(sk.mean_poisson_deviance(truth, mean)),
    }


def unit_deviance(truth: Array, predicted: Array) -> Array:
    """2 (y ln(y / mean) − y + mean) of each row."""
    from scipy.special import xlogy

    mean = np.maximum(predicted, LEAST)
    return np.asarray(2 * (xlogy(truth, truth / mean) - truth + mean))


def resampled(truth: Array, predicted: Array, wanted: Collection[str]) -> Scorer:
    """The same metrics for many weightings of the rows; all of them are sums, so `wanted` saves nothing.

    So is the deviance of the mean ȳ, 2 Σw (y ln y − y ln ȳ), since Σw (y − ȳ) is 0.
    """
    from scipy.special import xlogy

    middle = max(float(truth.mean()), LEAST)  # logarithms are of shares of it, so that no digits are lost
    t, miss = truth - middle, truth - predicted
    columns = {
        "all": np.ones_like(truth), "y": truth, "t": t, "tt": t * t, "logs": xlogy(truth, truth / middle),
        "deviance": unit_deviance(truth, predicted), "e": np.abs(miss), "ee": miss**2,
    }  # fmt: skip

    def score(weights: Array) -> dict[str, Array]:
        s = weighted_sums(columns, weights)
        null = 2 * (s["logs"] - xlogy(s["y"], ratio(s["y"], s["all"]) / middle))
        varies = spread(s["all"], s["t"], s["tt"]) > 0
        return {
            "d2": np.where(varies, 1 - ratio(s["deviance"], null), np.nan),
            "mae": ratio(s["e"], s["all"]),
            "rmse": np.sqrt(ratio(s["ee"], s["all"])),
            "deviance": ratio(s["deviance"], s["all"]),
        }

    return score
