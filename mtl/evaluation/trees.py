"""Boosted trees, one a task: what a user would pick instead. scikit-learn's HistGradientBoosting on train and valid.

Its own defaults (100 rounds, learning rate 0.1, 31 leaves) without early stopping, and one rule for small data:
`min_samples_leaf` is a twentieth of the labelled rows, from 2 up to scikit-learn's 20. With less than 40 rows its
default could not split once. Counts have its Poisson loss, quantiles one model a level, sorted row by row. Class weights
are the task's own; it has no focal loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtl.data.codes import MISSING
from mtl.data.encodings import TaskEncoding
from mtl.data.inputs.base import Arrays
from mtl.spec import NUMBERS

MAX_CODES = 255
"""scikit-learn's limit of the codes of one categorical column."""
MAX_LEAF = 20

Matrix = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Table:
    """What trees read: rows to fit and rows to predict, NaN where missing; which columns hold codes [d]."""

    fit: Matrix
    test: Matrix
    categorical: np.ndarray[Any, np.dtype[np.bool_]]


def table_of(inputs: Sequence[str], fitted: Sequence[dict[str, Arrays]], test: dict[str, Arrays]) -> Table:
    """The columns of some inputs side by side: numeric ones first, then codes, input by input."""
    fit = np.concatenate([_side_by_side(inputs, arrays) for arrays in fitted])
    judged = _side_by_side(inputs, test)
    kinds = [np.repeat([False, True], [test[i]["numeric"].shape[1], _codes(test[i]).shape[1]]) for i in inputs]
    categorical = np.concatenate(kinds) if kinds else np.zeros(0, np.bool_)
    for column in np.flatnonzero(categorical):
        fit[:, column], judged[:, column] = _within_limit(fit[:, column], judged[:, column])
    return Table(fit, judged, categorical)


def _side_by_side(inputs: Sequence[str], arrays: dict[str, Arrays]) -> Matrix:
    parts = []
    for name in inputs:
        one = arrays[name]
        lacks = one["missing"] if "missing" in one else ~one["present"][:, None]
        parts.append(np.where(lacks, np.nan, one["numeric"]).astype(np.float64))
        parts.append(np.where(_codes(one) == MISSING, np.nan, _codes(one)).astype(np.float64))
    return np.concatenate(parts, axis=1)


def _codes(one: Arrays) -> np.ndarray[Any, np.dtype[np.int32]]:
    found: np.ndarray[Any, np.dtype[np.int32]] = one["categorical"] if "categorical" in one else one["numeric"][:, :0]
    return found


def _within_limit(fit: Matrix, test: Matrix) -> tuple[Matrix, Matrix]:
    """Codes as 0 … 254: the most frequent of the fitted rows keep one each, the rest share the last."""
    codes, counts = np.unique(fit[~np.isnan(fit)], return_counts=True)
    if not len(codes):
        return fit, np.full_like(test, np.nan)
    order = np.argsort(-counts, kind="stable")
    number = np.empty(len(codes))
    number[order] = np.minimum(np.arange(len(codes)), MAX_CODES - 1)

    def recoded(values: Matrix) -> Matrix:
        at = np.minimum(np.searchsorted(codes, values), len(codes) - 1)
        return np.where(codes[at] == values, number[at], np.nan)  # a code never fitted counts as missing

    return recoded(fit), recoded(test)


def fit_trees(task: TaskEncoding, table: Table, targets: Sequence[Matrix], labelled: Sequence[Any]) -> Matrix:
    """Predictions of all rows of table.test; targets and masks are those of train and valid.

    Numbers in the task's unit, quantiles [rows, levels], binary the probability of the positive class, classes [rows, class]."""
    rows = np.flatnonzero(np.concatenate(labelled))
    X, target = table.fit[rows], np.concatenate(targets)[rows]
    used = ~np.isnan(X).all(axis=0)  # a column without a value in these rows says nothing
    settings = {
        "min_samples_leaf": min(MAX_LEAF, max(2, len(rows) // 20)), "early_stopping": False, "random_state": 0,
        "categorical_features": np.flatnonzero(table.categorical[used]),
    }  # fmt: skip
    if task.kind in NUMBERS:
        return task.original(_numbers(task, X[:, used], target, table.test[:, used], settings))
    classes, weights = max(2, len(task.classes)), np.asarray(task.class_weights)
    probability = _classification(X[:, used], target.astype(np.int64), table.test[:, used], classes, settings, weights)
    return probability[:, 1] if task.kind == "binary" else probability


def _numbers(task: TaskEncoding, X: Matrix, target: Matrix, X_test: Matrix, settings: dict[str, Any]) -> Matrix:
    """A number a row, or its quantiles [rows, levels]."""
    if task.kind == "quantile":
        losses = [{"loss": "quantile", "quantile": level} for level in task.levels]
        constants = np.quantile(target, task.levels) if len(target) else np.zeros(len(losses))
        each = [_regression(X, target, X_test, settings | of, c) for of, c in zip(losses, constants, strict=True)]
        return np.sort(np.stack(each, axis=1), axis=1)
    loss = {"loss": "poisson"} if task.kind == "count" and target.any() else {}
    return _regression(X, target, X_test, settings | loss, target.mean() if len(target) else 0.0)


def _regression(X: Matrix, target: Matrix, X_test: Matrix, settings: dict[str, Any], constant: float) -> Matrix:
    from sklearn.ensemble import HistGradientBoostingRegressor

    if X.shape[1] == 0 or len(target) < 2:
        return np.full(len(X_test), constant)
    return np.asarray(HistGradientBoostingRegressor(**settings).fit(X, target).predict(X_test), np.float64)


def _classification(
    X: Matrix, target: np.ndarray[Any, Any], X_test: Matrix, classes: int, settings: dict[str, Any], weights: Matrix
) -> Matrix:
    """Probabilities [rows, classes] in the order of all classes; 0 for a class that was never seen. `weights` [classes], or
    none."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    seen = np.bincount(target, minlength=classes) / max(1, len(target))
    if X.shape[1] == 0 or np.count_nonzero(seen) < 2:
        return np.tile(seen if len(target) else np.full(classes, 1 / classes), (len(X_test), 1))
    model = HistGradientBoostingClassifier(**settings).fit(X, target, weights[target] if len(weights) else None)
    out = np.zeros((len(X_test), classes))
    out[:, model.classes_] = model.predict_proba(X_test)
    return out
