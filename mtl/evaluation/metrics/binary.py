"""Metrics of a binary task: truth 0/1 [rows], predicted probability of the positive class [rows]."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from mtl.evaluation.metrics.bins import calibration_error, calibration_gaps
from mtl.evaluation.metrics.ranking import rank, ranking_metrics
from mtl.evaluation.metrics.values import NO_POSITIVE, ONE_CLASS, Array, Scorer, Value, defined, ratio, undefined, weighted_sums

THRESHOLD = 0.5
"""From here on a probability counts as positive, in f1 and accuracy."""


def decided(predicted: Array) -> Array:
    """1 where the positive class is predicted, [rows]."""
    return (predicted >= THRESHOLD).astype(np.float64)


def surprise(probability: Array) -> Array:
    """−log of the probability given to what happened, kept off infinity as scikit-learn does."""
    return -np.log(np.clip(probability, np.finfo(np.float64).eps, 1.0))


def point(truth: Array, predicted: Array) -> dict[str, Value]:
    """Each metric on all rows (at least one), by scikit-learn."""
    from sklearn import metrics as sk

    label = decided(predicted)
    one_class = len(np.unique(truth)) < 2
    rankable = {"auc": sk.roc_auc_score, "average_precision": sk.average_precision_score}
    ranked = {k: undefined(ONE_CLASS) if one_class else defined(score(truth, predicted)) for k, score in rankable.items()}
    any_positive = bool(truth.any() or label.any())
    return ranked | {
        "f1": defined(sk.f1_score(truth, label, zero_division=0.0)) if any_positive else undefined(NO_POSITIVE),
        "accuracy": defined(sk.accuracy_score(truth, label)),
        "log_loss": defined(sk.log_loss(truth, predicted, labels=[0, 1])),
        "brier": defined(sk.brier_score_loss(truth, predicted, labels=[0, 1])),
        "calibration_error": defined(calibration_error(predicted, truth)),
    }


def resampled(truth: Array, predicted: Array, wanted: Collection[str]) -> Scorer:
    """The same metrics for many weightings of the rows; those of ranks, which cost the most, only if wanted."""
    ranked = {"auc", "average_precision"}
    rest = _unranked(truth, predicted) if set(wanted) - ranked else None
    ranking = rank(truth, predicted) if set(wanted) & ranked else None

    def score(weights: Array) -> dict[str, Array]:
        of_ranks = ranking_metrics(ranking, weights) if ranking is not None else {}
        return of_ranks | (rest(weights) if rest is not None else {})

    return score


def _unranked(truth: Array, predicted: Array) -> Scorer:
    """The metrics that need no ranking."""
    label = decided(predicted)
    columns = {
        "all": np.ones_like(truth),
        "positives": truth + label,
        "hits": truth * label,
        "right": (truth == label).astype(np.float64),
        "log": surprise(np.where(truth == 1, predicted, 1 - predicted)),
        "square": (truth - predicted) ** 2,
    }
    gaps = calibration_gaps(predicted, truth)

    def score(weights: Array) -> dict[str, Array]:
        s = weighted_sums(columns, weights)
        return {
            "f1": ratio(2 * s["hits"], s["positives"]),
            "accuracy": ratio(s["right"], s["all"]),
            "log_loss": ratio(s["log"], s["all"]),
            "brier": ratio(s["square"], s["all"]),
            "calibration_error": ratio(gaps(weights), s["all"]),
        }

    return score
