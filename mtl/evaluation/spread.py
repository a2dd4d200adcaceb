"""Whether the spread of a model's members tells how wrong a prediction will be."""

from __future__ import annotations

from typing import Any

import numpy as np

from mtl.evaluation.metrics import decided
from mtl.evaluation.metrics.values import Array

PARTS = 5
"""The rows of most and of least spread that are set against each other: a fifth of all each."""
LEAST = 10 * PARTS
"""Test labels below which nothing is said."""


def spread_tells(kind: str, truth: Array, predicted: Array, spread: Array) -> dict[str, Any] | None:
    """Rank correlation of spread and error, and the mean error of the fifth of least and of most spread.

    The error is |prediction − truth| of a number or of a probability of the positive class (of several labels the mean over
    them, as is their spread), and 1 − the probability of the true class where there are several; the spread of those is that
    of the label decided on. `correlation` is Spearman's, null where all errors or all spreads are the same. None with fewer
    than 50 labels.
    """
    if len(truth) < LEAST:
        return None
    rows = np.arange(len(truth))
    if kind == "multilabel":
        spread, error = spread.mean(axis=1), np.abs(predicted - truth).mean(axis=1)
    elif predicted.ndim == 2:
        spread = spread[rows, decided(kind, predicted).astype(np.intp)]
        error = 1 - predicted[rows, truth.astype(np.intp)]
    else:
        error = np.abs(predicted - truth)
    order, part = np.argsort(spread, kind="stable"), len(rows) // PARTS
    return {
        "correlation": _rank_correlation(spread, error),
        "error_least": float(error[order[:part]].mean()),
        "error_most": float(error[order[-part:]].mean()),
        "median": float(np.median(spread)),
    }


def _rank_correlation(a: Array, b: Array) -> float | None:
    ranks = np.stack([_ranks(a), _ranks(b)])
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1))
    return float((centred[0] * centred[1]).sum() / length.prod()) if length.all() else None


def _ranks(values: Array) -> Array:
    """Ranks from 0; equal values share their mean rank."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray(((last - count) + (last - 1)) / 2)[place]
