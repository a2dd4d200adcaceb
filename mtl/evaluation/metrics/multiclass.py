"""Metrics of a multiclass task: truth class number [rows], predicted probabilities [rows, classes]."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from mtl.evaluation.metrics.binary import surprise
from mtl.evaluation.metrics.bins import calibration_error, calibration_gaps
from mtl.evaluation.metrics.values import Array, Scorer, Value, defined, ratio, weighted_sums


def decided(predicted: Array) -> Array:
    """The likeliest class of each row, as float64 [rows]; the first of equals."""
    return np.asarray(np.argmax(predicted, axis=1), np.float64)


def label_points(truth: Array, label: Array) -> dict[str, Value]:
    """accuracy and macro F1 of decided classes, by scikit-learn."""
    from sklearn import metrics as sk

    return {
        "accuracy": defined(sk.accuracy_score(truth, label)),
        "f1": defined(sk.f1_score(truth, label, average="macro", zero_division=0.0)),
    }


def log_loss_point(truth: Array, predicted: Array) -> Value:
    from sklearn import metrics as sk

    return defined(sk.log_loss(truth, predicted, labels=np.arange(predicted.shape[1])))


def point(truth: Array, predicted: Array) -> dict[str, Value]:
    """Each metric on all rows (at least one), by scikit-learn; calibration error is the top class's."""
    label = decided(predicted)
    top, right = predicted.max(axis=1), (truth == label).astype(np.float64)
    return label_points(truth, label) | {
        "log_loss": log_loss_point(truth, predicted),
        "calibration_error": defined(calibration_error(top, right)),
    }


def macro_f1(truth: Array, label: Array, classes: int) -> Scorer:
    """Mean F1 over the classes that occur, true or predicted, in a resample (as scikit-learn's default labels)."""
    numbers = np.arange(classes)[:, None]

    def score(weights: Array) -> dict[str, Array]:
        true, said = (truth == numbers).astype(np.float64), (label == numbers).astype(np.float64)
        each = ratio(2 * ((true * said) @ weights), (true + said) @ weights)
        occurs = np.isfinite(each)
        return {"f1": ratio(np.where(occurs, each, 0.0).sum(axis=0), occurs.sum(axis=0).astype(np.float64))}

    return score


def resampled(truth: Array, predicted: Array, wanted: Collection[str]) -> Scorer:
    """The same metrics for many weightings of the rows."""
    label = decided(predicted)
    right = (truth == label).astype(np.float64)
    own = predicted[np.arange(len(truth)), truth.astype(np.intp)]
    columns = {"all": np.ones_like(truth), "right": right, "log": surprise(own)}
    gaps = calibration_gaps(predicted.max(axis=1), right)
    f1 = macro_f1(truth, label, predicted.shape[1]) if "f1" in wanted else None

    def score(weights: Array) -> dict[str, Array]:
        s = weighted_sums(columns, weights)
        return (f1(weights) if f1 is not None else {}) | {
            "accuracy": ratio(s["right"], s["all"]),
            "log_loss": ratio(s["log"], s["all"]),
            "calibration_error": ratio(gaps(weights), s["all"]),
        }

    return score
