"""The leak check: does one input column alone give a label away?

A column is cut into at most 64 bins (its categories, or quantiles; missing is a bin of its own). The mean target
of each bin, learned on one half of the labelled train rows, predicts the other half. The score is R² for regression
(of a straight line, if that is higher: bins are coarse in the tails of few rows), AUC for binary, and the share of the
majority class's errors that the column removes for classes. Of a long table it looks at MOST rows of each task, drawn
once: a column that gives a label away does so on these too (an R² of .98 is known to ± .001, an AUC of .98 to ± .01 where
one label in a hundred is positive), and the check costs the same however long the table is.
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
    looks = Looks(inputs, train)
    found = [leak for task in tasks for leak in _leaks_of(spec, task, looks, labels[task.name])]
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


@dataclass(frozen=True)
class Look:
    """One column on some rows: the bin of each; of a numeric one also its values and which of them are there."""

    column: str
    bins: Ints
    values: Floats64 | None = None
    known: Bools | None = None

    def score(self, target: Floats64, first_half: Bools, kind: str) -> float:
        """How well the column predicts the target: by its bins, or by a straight line if that is better."""
        score = alone(self.bins, target, first_half, kind)
        if kind != "regression" or self.values is None or self.known is None:
            return score
        return max(score, straight(self.values, self.known, target, first_half))


class Looks:
    """Columns as the check looks at them. Tasks labelled on the same rows, one after the other, share one look."""

    def __init__(self, inputs: dict[str, TabularEncoding], train: dict[str, tuple[pl.Series, dict[str, Arrays]]]) -> None:
        self.inputs, self.train = inputs, train
        self._entity, self._rows = "", np.empty(0, np.int64)
        self._half = np.empty(0, np.bool_)
        self._columns: dict[str, list[Look]] = {}

    def halves(self, entity: str, rows: Ints) -> Bools:
        """Move to these rows of an entity's train keys; which of them are in the first half."""
        if entity != self._entity or not np.array_equal(rows, self._rows):
            self._entity, self._rows, self._columns = entity, rows, {}
            self._half = (stable_hash(self.train[entity][0].gather(rows), "leak") & np.uint64(1)).astype(bool)
        return self._half

    def columns(self, name: str) -> list[Look]:
        """Every column of an input, on the rows of now."""
        if name not in self._columns:
            self._columns[name] = list(_looks(self.inputs[name], self.train[self._entity][1][name], self._rows))
        return self._columns[name]


def _leaks_of(spec: Spec, task: TaskEncoding, looks: Looks, labels: tuple[Floats64, Bools]) -> list[Leak]:
    target, labelled = labels
    rows = _some(np.flatnonzero(labelled))
    first_half = looks.halves(task.entity, rows)
    if min(first_half.sum(), (~first_half).sum()) < LEAST:
        return []
    found = []
    for name in task.inputs:
        for look in looks.columns(name):
            score = look.score(target[rows], first_half, task.kind)
            if score >= spec.encoding.leak.threshold:
                allowed = spec.inputs[name].columns[look.column].leak == "allow"
                decision = "allow" if allowed else spec.encoding.leak.on_leak
                found.append(Leak(name, look.column, task.name, round(score, 4), decision))
    return found


def _some(rows: Ints) -> Ints:
    """At most MOST of the rows, in their order; the same ones for the same number of rows."""
    if len(rows) <= MOST:
        return rows
    return rows[np.sort(np.random.default_rng(0).choice(len(rows), MOST, replace=False))]


def _looks(encoding: TabularEncoding, arrays: Arrays, rows: Ints) -> Iterator[Look]:
    for j, one in enumerate(encoding.numeric):
        values, known = arrays["numeric"][rows, j].astype(np.float64), ~arrays["missing"][rows, j]
        yield Look(one.column, _bins(values, known), values, known)
    for j, cat in enumerate(encoding.categorical):
        yield Look(cat.column, arrays["categorical"][rows, j].astype(np.int64))


def _bins(values: Floats64, known: Bools) -> Ints:
    """The bin of each value; 0 where it is missing."""
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, BINS)[1:-1])) if known.any() else np.empty(0)
    return np.where(known, 1 + np.searchsorted(edges, values, side="right"), 0).astype(np.int64)


def alone_numeric(values: Floats64, known: Bools, target: Floats64, first_half: Bools, kind: str) -> float:
    """How well a numeric column predicts the target: by its bins, or by a straight line if that is better."""
    return Look("", _bins(values, known), values, known).score(target, first_half, kind)


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
    apart = x - x.mean()
    slope = float(apart @ y / (apart @ apart))
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
