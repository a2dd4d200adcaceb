"""Metrics of a multilabel task: truth 0/1 [rows, classes], predicted probabilities [rows, classes].

`map` is the mean over classes of their average precision, of those that have a positive; macro F1 the mean over those that
occur, true or predicted; `accuracy` the share of rows with every class right; log-loss the mean over rows and classes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
from scipy.sparse import csr_matrix

from mtl.evaluation.metrics.binary import decided, surprise
from mtl.evaluation.metrics.values import NO_POSITIVE, Array, Scorer, Value, defined, ratio, undefined, weighted_sums

NO_TRUE_POSITIVE = "no class has a positive in test"


def point(truth: Array, predicted: Array) -> dict[str, Value]:
    """Each metric on all rows (at least one), by scikit-learn."""
    from sklearn import metrics as sk

    label, seen = decided(predicted), truth.any(axis=0)
    f1 = {"f1_micro": undefined(NO_POSITIVE), "f1_macro": undefined(NO_POSITIVE)}
    if truth.any() or label.any():
        occurs = np.flatnonzero(seen | label.any(axis=0))
        each = [sk.f1_score(truth[:, c], label[:, c], zero_division=0.0) for c in occurs]
        micro = sk.f1_score(truth.ravel(), label.ravel(), zero_division=0.0)
        f1 = {"f1_micro": defined(micro), "f1_macro": defined(np.mean(each))}
    ranked = sk.average_precision_score(truth[:, seen], predicted[:, seen], average="macro") if seen.any() else None
    return f1 | {
        "map": undefined(NO_TRUE_POSITIVE) if ranked is None else defined(ranked),
        "accuracy": defined(sk.accuracy_score(truth, label)),
        "log_loss": defined(sk.log_loss(truth.ravel(), predicted.ravel(), labels=[0, 1])),
    }


def resampled(truth: Array, predicted: Array, wanted: Collection[str]) -> Scorer:
    """The same metrics for many weightings of the rows; that of ranks, which costs the most, only if wanted."""
    seen = np.flatnonzero(truth.any(axis=0))
    ranked = [_average_precision(truth[:, c], predicted[:, c]) for c in seen] if "map" in wanted else []
    rest = _unranked(truth, predicted) if set(wanted) - {"map"} else None

    def score(weights: Array) -> dict[str, Array]:
        found = rest(weights) if rest is not None else {}
        if "map" in wanted:
            each = [one(weights) for one in ranked] or [np.full(weights.shape[1], np.nan)]
            found["map"] = _mean_over_classes(np.stack(each))
        return found

    return score


def _mean_over_classes(each: Array) -> Array:
    """each [classes, resamples] → [resamples], over the classes that are defined."""
    known = np.isfinite(each)
    return ratio(np.where(known, each, 0.0).sum(axis=0), known.sum(axis=0).astype(np.float64))


def _average_precision(truth: Array, score: Array) -> Callable[[Array], Array]:
    """Of one class that has a positive: Σ over its scores of the share of positives there × the precision from there upwards.

    Rows are summed by the next score of a positive below them, since only there anything is read; NaN without a positive.
    """
    falling = -score
    levels = np.unique(falling[truth == 1])
    place = np.searchsorted(levels, falling)
    inside, hit = (np.flatnonzero(which) for which in (place < len(levels), truth == 1))
    every, positives = (csr_matrix((np.ones(len(at)), (place[at], at)), (len(levels), len(truth))) for at in (inside, hit))

    def of(weights: Array) -> Array:
        here = positives @ weights
        true, above = np.cumsum(here, axis=0), np.cumsum(every @ weights, axis=0)
        precision = np.divide(true, above, out=np.zeros_like(true), where=above > 0)
        return ratio((here * precision).sum(axis=0), true[-1])

    return of


def _unranked(truth: Array, predicted: Array) -> Scorer:
    """The metrics that need no ranking."""
    label = decided(predicted)
    given = np.where(truth == 1, predicted, 1 - predicted)
    columns = {
        "all": np.ones(len(truth)),
        "hits": (truth * label).sum(axis=1),
        "positives": (truth + label).sum(axis=1),
        "right": (truth == label).all(axis=1).astype(np.float64),
        "log": surprise(given).mean(axis=1),
    }

    def score(weights: Array) -> dict[str, Array]:
        s = weighted_sums(columns, weights)
        return {
            "f1_micro": ratio(2 * s["hits"], s["positives"]),
            "f1_macro": _mean_over_classes(ratio(2 * ((truth * label).T @ weights), (truth + label).T @ weights)),
            "accuracy": ratio(s["right"], s["all"]),
            "log_loss": ratio(s["log"], s["all"]),
        }

    return score
