"""Support vector machines with an RBF kernel (Cortes & Vapnik 1995): what a user would pick instead for small pictures.

They read pixels (`mtl.evaluation.pixels`), and the numbers and one-hot categories of the task's other inputs beside. How closely
they follow the labels (C) is chosen on valid, the kernel's width is scikit-learn's own; then they are fitted on train and valid
together, as trees are, on LIMIT rows at most, since their cost grows with the square of the rows. What they say of a class is
made a probability on valid (Platt 1999 for two classes, one temperature for more, which leaves the order of classes alone).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mtl.data.encodings import TaskEncoding

STRENGTHS = (1.0, 10.0)
"""C: what a row on the wrong side costs."""
LIMIT = 10_000
CACHE_MB = 500

Floats = np.ndarray[Any, np.dtype[np.float64]]


def fit_kernel(task: TaskEncoding, X: Sequence[Any], targets: Sequence[Floats], labelled: Sequence[Any]) -> Floats:
    """Predictions of all rows of X[2]; X are sparse matrices of train, valid and test, targets and masks those of train and
    valid. Regression in the task's unit, binary the probability of the positive class, classes [rows, class]."""
    rows = [_some(np.flatnonzero(mask)) for mask in labelled]
    y = [target[at] for target, at in zip(targets, rows, strict=True)]
    known, asked = [X[side][rows[side]].toarray() for side in (0, 1)], X[2].toarray()
    whole = _some(np.arange(len(y[0]) + len(y[1])))
    both, y_both = np.concatenate(known)[whole], np.concatenate(y)[whole]
    if task.kind == "regression":
        return task.original(_numbers(known, y, both, y_both, asked))
    classes = max(2, len(task.classes))
    share = np.bincount(y_both.astype(np.intp), minlength=classes) / max(1, len(y_both))
    found = np.tile(share if len(y_both) else np.full(classes, 1 / classes), (len(asked), 1))
    if np.count_nonzero(share) > 1:
        found = _classes(task, known, [of.astype(np.intp) for of in y], both, y_both.astype(np.intp), asked, classes)
    return found[:, 1] if task.kind == "binary" else found


def _some(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """LIMIT of the rows at most, evenly spaced."""
    return rows if len(rows) <= LIMIT else rows[np.linspace(0, len(rows) - 1, LIMIT).astype(np.intp)]


def _numbers(known: Sequence[Floats], y: Sequence[Floats], both: Floats, y_both: Floats, asked: Floats) -> Floats:
    from sklearn.svm import SVR

    if len(y_both) < 2:
        return np.full(len(asked), y_both.mean() if len(y_both) else 0.0)
    best = STRENGTHS[0]
    if len(y[0]) and len(y[1]):
        tried = {C: SVR(C=C, cache_size=CACHE_MB).fit(known[0], y[0]).predict(known[1]) for C in STRENGTHS}
        best = min(STRENGTHS, key=lambda C: float(np.mean((tried[C] - y[1]) ** 2)))
    return np.asarray(SVR(C=best, cache_size=CACHE_MB).fit(both, y_both).predict(asked), np.float64)


def _classes(
    task: TaskEncoding, known: Sequence[Floats], y: Sequence[Any], both: Floats, y_both: Any, asked: Floats, classes: int
) -> Floats:
    """Probabilities [rows of asked, classes]."""
    best, scale = STRENGTHS[-1], (1.0, 0.0)
    if len(np.unique(y[0])) > 1 and len(y[1]):
        tried = {C: _decisions(task, C, known[0], y[0], known[1], classes) for C in STRENGTHS}
        best = max(STRENGTHS, key=lambda C: float(np.mean(tried[C].argmax(1) == y[1])))
        scale = _scale(tried[best], y[1])
    return _softmax(_decisions(task, best, both, y_both, asked, classes), *scale)


def _decisions(task: TaskEncoding, C: float, X: Floats, y: Any, asked: Floats, classes: int) -> Floats:
    """How far each row is on each class's side, [rows, classes]; −inf for a class that was never seen."""
    from sklearn.svm import SVC

    weight = {c: task.class_weights[c] for c in np.unique(y).tolist()} if task.class_weights else None
    model = SVC(C=C, class_weight=weight, cache_size=CACHE_MB).fit(X, y)
    found, said = np.full((len(asked), classes), -np.inf), model.decision_function(asked)
    found[:, model.classes_] = np.stack([-said / 2, said / 2], 1) if said.ndim == 1 else said
    return found


def _scale(decisions: Floats, y: Any) -> tuple[float, float]:
    """The factor, and of two classes the offset of the second, that make `_softmax` likeliest on these labels."""
    from scipy.optimize import minimize

    def loss(at: Floats) -> float:
        probability = _softmax(decisions, float(np.exp(at[0])), float(at[1]))
        return -float(np.log(np.clip(probability[np.arange(len(y)), y], 1e-12, 1)).mean()) + 1e-3 * float(at @ at)

    free = 2 if decisions.shape[1] == 2 else 1
    found = minimize(lambda at: loss(np.append(at, [0.0] * (2 - free))), np.zeros(free), method="Nelder-Mead").x
    return float(np.exp(found[0])), float(found[1]) if free == 2 else 0.0


def _softmax(decisions: Floats, factor: float, offset: float) -> Floats:
    scaled = factor * decisions
    scaled[:, -1] += offset
    odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float64)
