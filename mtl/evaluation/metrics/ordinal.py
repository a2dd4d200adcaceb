"""Metrics of an ordinal task: truth class number [rows], predicted probabilities [rows, classes], lowest class first.

The decided class is the median one (the first whose cumulated probability reaches one half): it minimises the expected
distance in classes and, other than the likeliest class, uses the order. `mae` takes the expected class, a real number.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from mtl.evaluation.metrics.binary import surprise
from mtl.evaluation.metrics.multiclass import label_points, log_loss_point, macro_f1
from mtl.evaluation.metrics.values import ONE_CLASS, Array, Scorer, Value, defined, ratio, spread, undefined, weighted_sums

_HALF = 0.5 - 1e-9
"""One half, with room for rounding in the cumulated sum."""


def decided(predicted: Array) -> Array:
    """The median class of each row, as float64 [rows]."""
    return np.asarray(np.argmax(np.cumsum(predicted, axis=1) >= _HALF, axis=1), np.float64)


def expected(predicted: Array) -> Array:
    """Σ class number × probability, [rows]."""
    return predicted @ np.arange(predicted.shape[1], dtype=np.float64)


def point(truth: Array, predicted: Array) -> dict[str, Value]:
    """Each metric on all rows (at least one), by scikit-learn."""
    from sklearn import metrics as sk

    label = decided(predicted)
    one_class = len(np.unique(truth)) < 2
    qwk = undefined(ONE_CLASS) if one_class else defined(sk.cohen_kappa_score(truth, label, weights="quadratic"))
    return {"qwk": qwk} | label_points(truth, label) | {
        "mae": defined(sk.mean_absolute_error(truth, expected(predicted))),
        "log_loss": log_loss_point(truth, predicted),
    }  # fmt: skip


def resampled(truth: Array, predicted: Array, wanted: Collection[str]) -> Scorer:
    """The same metrics for many weightings of the rows.

    κ needs moments only: 1 − E(t − d)² / E₀(t − d)², where E₀ takes truth t and decision d as independent (Cohen 1968).
    """
    label = decided(predicted)
    own = predicted[np.arange(len(truth)), truth.astype(np.intp)]
    columns = {
        "all": np.ones_like(truth), "t": truth, "d": label, "tt": truth**2, "dd": label**2, "apart": (truth - label) ** 2,
        "right": (truth == label).astype(np.float64), "away": np.abs(truth - expected(predicted)), "log": surprise(own),
    }  # fmt: skip
    f1 = macro_f1(truth, label, predicted.shape[1]) if "f1" in wanted else None

    def score(weights: Array) -> dict[str, Array]:
        s = weighted_sums(columns, weights)
        by_chance = s["tt"] + s["dd"] - 2 * ratio(s["t"] * s["d"], s["all"])
        varies = spread(s["all"], s["t"], s["tt"]) > 0
        return (f1(weights) if f1 is not None else {}) | {
            "qwk": np.where(varies, 1 - ratio(s["apart"], by_chance), np.nan),
            "accuracy": ratio(s["right"], s["all"]),
            "mae": ratio(s["away"], s["all"]),
            "log_loss": ratio(s["log"], s["all"]),
        }

    return score
