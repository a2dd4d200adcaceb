"""The leak check: does one input column alone give a label away?

A column is cut into at most 64 bins (its categories, or quantiles; missing is a bin of its own). The mean target
of each bin, learned on one half of the labelled train rows, predicts the other half. The score is R² for regression
(of a straight line, if that is higher: bins are coarse in the tails of few rows), AUC for binary, and the share of the
majority class's errors that the column removes for classes. Of a long table it looks at MOST rows of each task, drawn
once: a column that gives a label away does so on these too (an R² or AUC of .98 is known to ± .001), and the check costs
the same however long the table is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from mtl.data.encodings import Arrays, TabularEncoding, TaskEncoding
from mtl.data.keys import stable_hash
from mtl.errors import LeakError
from mtl.spec import OF_CLASSES, Spec

BINS = 64
LEAST = 20
"""Rows that each half needs, or nothing can be said."""
MOST = 20_000
"""Labelled train rows of a task that are looked at."""

Ints = np.ndarray[Any, np.dtype[np.int64]]
Floats64 = np.ndarray[Any, np.dtype[np.float64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Leak:
    """An input column that alone predicts a task."""

    input: str
    column: str
    task: str
    score: float
    decision: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def find_leaks(
    spec: Spec,
    inputs: dict[str, TabularEncoding],
    tasks: list[TaskEncoding],
    train: dict[str, tuple[pl.Series, dict[str, Arrays]]],
    labels: dict[str, tuple[Floats64, Bools]],
) -> list[Leak]:
    """Columns at or above the threshold, with what is done about each.

    `train`: entity -> its train keys and the encoded arrays of its inputs on them; `labels`: task -> encoded
    target and mask on those rows. Raises LeakError if the spec says `stop` for one of them.
    """
    found = [leak for task in tasks for leak in _leaks_of(spec, task, inputs, train[task.entity], labels[task.name])]
    stops = [leak for leak in found if leak.decision == "stop"]
    if stops:
        first = stops[0]
        others = "".join(f"; {leak.column} → {leak.task} ({leak.score:.3f})" for leak in stops[1:5])
        raise LeakError(
            f"inputs.{first.input}.columns.{first.column} alone predicts task {first.task!r}",
            expected=f"no column with a score of {spec.encoding.leak.threshold:g} or more: it is hardly known before the label is",
            found=f"a score of {first.score:.3f} on train rows{others}",
            do="remove the column from the inputs, or write `leak: allow` beside it if it is known when a prediction is asked for",
        )
    return found


def _leaks_of(
    spec: Spec,
    task: TaskEncoding,
    inputs: dict[str, TabularEncoding],
    train: tuple[pl.Series, dict[str, Arrays]],
    labels: tuple[Floats64, Bools],
) -> list[Leak]:
    keys, arrays = train
    target, labelled = labels
    rows = _some(np.flatnonzero(labelled))
    first_half = (stable_hash(keys.gather(rows), "leak") & np.uint64(1)).astype(bool)
    if min(first_half.sum(), (~first_half).sum()) < LEAST:
        return []
    found = []
    for name in task.inputs:
        for column, score in _scores(inputs[name], arrays[name], rows, target[rows], first_half, task.kind):
            if score >= spec.encoding.leak.threshold:
                allowed = spec.inputs[name].columns[column].leak == "allow"
                found.append(Leak(name, column, task.name, round(score, 4), "allow" if allowed else spec.encoding.leak.on_leak))
    return found


def _some(rows: Ints) -> Ints:
    """At most MOST of the rows, in their order; the same ones for the same number of rows."""
    if len(rows) <= MOST:
        return rows
    return rows[np.sort(np.random.default_rng(0).choice(len(rows), MOST, replace=False))]


def _scores(
    encoding: TabularEncoding, arrays: Arrays, rows: Ints, target: Floats64, first_half: Bools, kind: str
) -> Iterator[tuple[str, float]]:
    """(column, score) of every column of an input on its labelled rows."""
    for j, one in enumerate(encoding.numeric):
        values, known = arrays["numeric"][rows, j].astype(np.float64), ~arrays["missing"][rows, j]
        yield one.column, alone_numeric(values, known, target, first_half, kind)
    for j, cat in enumerate(encoding.categorical):
        yield cat.column, alone(arrays["categorical"][rows, j].astype(np.int64), target, first_half, kind)


def alone_numeric(values: Floats64, known: Bools, target: Floats64, first_half: Bools, kind: str) -> float:
    """How well a numeric column predicts the target: by its bins, or by a straight line if that is better."""
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, BINS)[1:-1])) if known.any() else np.empty(0)
    bins = np.where(known, 1 + np.searchsorted(edges, values, side="right"), 0).astype(np.int64)
    score = alone(bins, target, first_half, kind)
    return max(score, straight(values, known, target, first_half)) if kind == "regression" else score


def alone(bins: Ints, target: Floats64, first_half: Bools, kind: str) -> float:
    """How well the bins predict the target of the second half, learned on the first; 1 is perfectly."""
    b1, y1, b2, y2 = bins[first_half], target[first_half], bins[~first_half], target[~first_half]
    size = int(bins.max()) + 1
    if kind in OF_CLASSES:
        return _class_gain(b1, y1.astype(np.int64), b2, y2.astype(np.int64), size)
    counts = np.bincount(b1, minlength=size)
    means = np.bincount(b1, weights=y1, minlength=size) / np.maximum(counts, 1)
    guess = np.where(counts > 0, means, y1.mean())[b2]
    if kind == "binary":
        return _auc(guess, y2)
    return _r2(guess, y2)


def straight(values: Floats64, known: Bools, target: Floats64, first_half: Bools) -> float:
    """R² on the second half of a straight line fitted on the first; rows without a value get the mean."""
    fit, judge = first_half & known, ~first_half
    if fit.sum() < LEAST or np.ptp(values[fit]) == 0:
        return 0.0
    x, y = values[fit], target[fit]
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
    guess = np.where(known[judge], y.mean() + slope * (values[judge] - x.mean()), target[first_half].mean())
    return _r2(guess, target[judge])


def _r2(guess: Floats64, target: Floats64) -> float:
    spread = float(((target - target.mean()) ** 2).sum())
    return 1 - float(((target - guess) ** 2).sum()) / spread if spread > 0 else 0.0


def _auc(score: Floats64, target: Floats64) -> float:
    """Area under the ROC curve with ties (Mann–Whitney)."""
    _, at = np.unique(score, return_inverse=True)
    positive = np.bincount(at, weights=target)
    negative = np.bincount(at, weights=1 - target)
    if not positive.sum() or not negative.sum():
        return 0.0
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / (positive.sum() * negative.sum()))


def _class_gain(b1: Ints, y1: Ints, b2: Ints, y2: Ints, size: int) -> float:
    classes = int(max(y1.max(), y2.max())) + 1
    table = np.zeros((size, classes))
    np.add.at(table, (b1, y1), 1)
    table[table.sum(axis=1) == 0] = np.bincount(y1, minlength=classes)
    majority = np.bincount(y1, minlength=classes).argmax()
    base = float((y2 != majority).mean())
    return 1 - float((table.argmax(axis=1)[b2] != y2).mean()) / base if base > 0 else 0.0
