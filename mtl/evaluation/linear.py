"""A linear model: what a user would pick instead where a task reads a text or a recording.

Words are the tokens of the input's own tokenizer, alone and in pairs (`mtl.evaluation.tfidf`); of recordings it is told
statistics of their MFCCs (`mtl.evaluation.mfcc`). Numbers and one-hot categories of the task's other inputs stand beside
them. Ridge for numbers, Poisson regression for counts, logistic regression for classes (with the task's class weights); how
strongly it is held back is chosen on valid, then it is fitted on train and valid together, as the trees are. A quantile is
ridge's prediction plus that quantile of what is left of valid after ridge on train, the same for every row (split conformal:
Lei et al. 2018, JASA 113, 1094–1111): quantile regression itself is a linear programme, which takes hours on so many
features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mtl.data.codes import MISSING
from mtl.data.encodings import TaskEncoding
from mtl.data.inputs.base import Arrays
from mtl.evaluation.metrics.count import unit_deviance
from mtl.evaluation.tfidf import tfidf, words_of
from mtl.spec import NUMBERS

STRENGTHS = (0.3, 1.0, 3.0, 10.0)
"""Inverse regularisation of logistic regression (C); of ridge, and of Poisson regression's sum over rows, its inverse."""
ITERATIONS = 1000
FARTHEST = 10.0
"""Times the largest label that a count may be predicted: exponents run away on rows unlike any other."""

Floats = np.ndarray[Any, np.dtype[np.float64]]


def features(inputs: Sequence[str], parts: Sequence[Mapping[str, Arrays]], fitted: int) -> list[Any]:
    """A sparse matrix [rows, features] of each part; what is counted is decided on the first `fitted` parts."""
    from scipy.sparse import csr_matrix, hstack

    columns = [one for name in inputs for one in _of_input([part[name] for part in parts], fitted)]
    return [csr_matrix(hstack(of_part)) for of_part in zip(*columns, strict=True)]


def _of_input(parts: Sequence[Arrays], fitted: int) -> list[list[Any]]:
    """Blocks of features, each a matrix a part."""
    from scipy.sparse import csr_matrix

    found: list[list[Any]] = []
    if "tokens" in parts[0]:
        found.append(tfidf([words_of(part["tokens"]) for part in parts], fitted))
    if "numeric" in parts[0]:
        found.append([csr_matrix(part["numeric"]) for part in parts])
    if "categorical" in parts[0] and parts[0]["categorical"].shape[1]:
        found.append(_one_hot([part["categorical"] for part in parts], fitted))
    return found


def _one_hot(parts: Sequence[Any], fitted: int) -> list[Any]:
    from sklearn.preprocessing import OneHotEncoder

    known = [np.unique(np.append(np.concatenate(parts[:fitted])[:, c], MISSING)) for c in range(parts[0].shape[1])]
    encoder = OneHotEncoder(categories=known, handle_unknown="ignore").fit(parts[0])
    return [encoder.transform(part) for part in parts]


def fit_linear(task: TaskEncoding, X: Sequence[Any], targets: Sequence[Floats], labelled: Sequence[Any]) -> Floats:
    """Predictions of all rows of X[2]; X are train, valid and test, targets and masks those of train and valid.

    Regression in the task's unit, binary the probability of the positive class, classes [rows, class]."""
    from scipy.sparse import vstack

    rows = [np.flatnonzero(mask) for mask in labelled]
    y = [target[at] for target, at in zip(targets, rows, strict=True)]
    known = [X[side][rows[side]] for side in (0, 1)]
    best = STRENGTHS[1]
    if len(y[0]) and len(y[1]):
        best = max(STRENGTHS, key=lambda strength: _quality(task, _predicted(task, known[0], y[0], known[1], strength), y[1]))
    found = _predicted(task, vstack(known).tocsr(), np.concatenate(y), X[2], best)
    return task.original(found[:, None] + _left_over(task, known, y, best) if task.kind == "quantile" else found)


def _left_over(task: TaskEncoding, known: Sequence[Any], y: Sequence[Floats], strength: float) -> Floats:
    """Quantiles [levels] of what ridge, fitted on train, leaves of valid; of train where valid has no label."""
    side = 1 if len(y[1]) else 0
    left = y[side] - _predicted(task, known[0], y[0], known[side], strength)
    return np.asarray(np.quantile(left, task.levels) if len(left) else np.zeros(len(task.levels)), np.float64)


def _predicted(task: TaskEncoding, X: Any, y: Floats, asked: Any, strength: float) -> Floats:
    """Scaled values [n], means of counts [n], the probability of the positive class [n], or of all classes [n, class]."""
    from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge

    if task.kind in NUMBERS:
        if len(y) < 2 or not X.shape[1] or (task.kind == "count" and not y.any()):
            return np.full(asked.shape[0], y.mean() if len(y) else 0.0)
        if task.kind == "count":
            counts = PoissonRegressor(alpha=1 / (strength * len(y)), max_iter=ITERATIONS).fit(X, y)
            return np.asarray(np.minimum(counts.predict(asked), FARTHEST * y.max()), np.float64)
        return np.asarray(Ridge(alpha=1 / strength).fit(X, y).predict(asked), np.float64)
    classes = max(2, len(task.classes))
    share = np.bincount(y.astype(np.intp), minlength=classes) / max(1, len(y))
    found = np.tile(share if len(y) else np.full(classes, 1 / classes), (asked.shape[0], 1))
    if np.count_nonzero(share) > 1 and X.shape[1]:
        classed = y.astype(np.intp)
        weight = np.asarray(task.class_weights)[classed] if task.class_weights else None
        model = LogisticRegression(C=strength, max_iter=ITERATIONS).fit(X, classed, weight)
        found = np.zeros((asked.shape[0], classes))
        found[:, model.classes_] = model.predict_proba(asked)
    return found[:, 1] if task.kind == "binary" else found


def _quality(task: TaskEncoding, predicted: Floats, y: Floats) -> float:
    """Minus the squared error, minus the deviance of counts, or the log-likelihood."""
    if task.kind == "count":
        return -float(unit_deviance(y, predicted).mean())
    if task.kind in NUMBERS:
        return -float(np.mean((predicted - y) ** 2))
    of_class = np.stack([1 - predicted, predicted], 1) if predicted.ndim == 1 else predicted
    classed = y.astype(np.intp)
    told = np.log(np.clip(of_class[np.arange(len(y)), classed], 1e-12, 1))
    return float((told if not task.class_weights else told * np.asarray(task.class_weights)[classed]).mean())
