"""How well one column alone predicts one target: of many columns and many targets at once.

A column is cut into at most 64 bins (its categories, or quantiles; missing is a bin of its own). The mean target of each
bin, learned on one half of the rows, predicts the other half. The score is R² for regression (of a straight line, if that
is higher: bins are coarse in the tails of few rows), AUC for binary, and the share of the majority class's errors that the
column removes for classes.

All of it follows from sums over the rows of each bin, or over the rows: one product for all columns and targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from mtl.spec import NUMBERS, OF_CLASSES

BINS = 64
LEAST = 20
"""Rows that each half needs, or nothing can be said."""
TELLING = 5
"""Labels of the rarer side that the judged half needs: of a thousand columns some meet one or two of them by chance."""

Ints = np.ndarray[Any, np.dtype[np.integer[Any]]]
Floats64 = np.ndarray[Any, np.dtype[np.float64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Look:
    """Columns on some rows: the bin of each cell [row, column]; of numeric ones also values and which of them are there."""

    names: tuple[str, ...]
    bins: Ints
    values: Floats64 | None = None
    known: Bools | None = None

    def scores(self, targets: Sequence[Floats64], kinds: Sequence[str], first_half: Bools) -> Floats64:
        """[column, target]: by bins, or by a straight line where that is better."""
        found = by_bins(self.bins, targets, kinds, first_half)
        numbers = [t for t, kind in enumerate(kinds) if kind in NUMBERS]
        if self.values is not None and self.known is not None and numbers:
            lines = by_lines(self.values, self.known, np.stack([targets[t] for t in numbers], 1), first_half)
            found[:, numbers] = np.maximum(found[:, numbers], lines)
        return found


def cut(values: Floats64, known: Bools) -> Ints:
    """[row, column] → the bin of each value; 0 where it is missing."""
    found = np.zeros(values.shape, np.int32, order="F")
    share = np.linspace(0, 1, BINS)[1:-1]
    for j in range(values.shape[1]):
        rows = np.flatnonzero(known[:, j])
        if not len(rows):
            continue
        there = values[rows, j]
        order = np.argsort(there)
        there, place = there[order], share * (len(order) - 1)
        below = place.astype(np.int64)
        low, high = there[below], there[np.minimum(below + 1, len(order) - 1)]
        edges = np.unique(low + (high - low) * (place - below))
        sizes = np.diff(np.searchsorted(there, edges), prepend=0, append=len(order))
        found[rows[order], j] = np.repeat(np.arange(1, len(sizes) + 1), sizes)
    return found


def alone_numeric(values: Floats64, known: Bools, target: Floats64, first_half: Bools, kind: str) -> float:
    """How well one numeric column predicts the target: by its bins, or by a straight line if that is better."""
    column = (values[:, None], known[:, None])
    return float(Look(("",), cut(*column), *column).scores([target], [kind], first_half)[0, 0])


def alone(bins: Ints, target: Floats64, first_half: Bools, kind: str) -> float:
    """How well the bins [row] predict the target of the second half, learned on the first; 1 is perfectly."""
    return float(by_bins(bins[:, None], [target], [kind], first_half)[0, 0])


def straight(values: Floats64, known: Bools, target: Floats64, first_half: Bools) -> float:
    """R² on the second half of a straight line fitted on the first; rows without a value get the mean."""
    return float(by_lines(values[:, None], known[:, None], target[:, None], first_half)[0, 0])


def by_bins(bins: Ints, targets: Sequence[Floats64], kinds: Sequence[str], first_half: Bools) -> Floats64:
    """[column, target]: how well the bins of each column [row, column] predict the targets [row] of the second half."""
    sizes = bins.max(0).astype(np.int32) + 1
    starts = np.cumsum(sizes, dtype=np.int32) - sizes
    seen = [_seen(target, kind, first_half) for target, kind in zip(targets, kinds, strict=True)]
    first, second = _sums(
        bins.astype(np.int32) + starts, int(sizes.sum()), np.concatenate([np.ones((len(bins), 1)), *seen], 1), first_half
    )
    ends = np.cumsum([1, *(one.shape[1] for one in seen)])
    found = np.zeros((len(sizes), len(targets)))
    for t, (kind, at) in enumerate(zip(kinds, ends[:-1], strict=True)):
        s1, s2 = first[:, at : ends[t + 1]], second[:, at : ends[t + 1]]
        score = _by_classes if kind in OF_CLASSES else _by_order if kind == "binary" else None
        if score is None:
            found[:, t] = _by_means(first[:, 0], s1[:, 0], second[:, 0], s2[:, 0], starts, seen[t][~first_half, 0])
        else:
            parts = [np.split(one, starts[1:]) for one in (first[:, 0], s1, second[:, 0], s2)]
            found[:, t] = [score(*of_column) for of_column in zip(*parts, strict=True)]
    return found


def _seen(target: Floats64, kind: str, first_half: Bools) -> Floats64:
    """[row, number]: what is summed of a target: itself (less its mean), or each class it may be of."""
    if kind in OF_CLASSES:
        return np.asarray(target[:, None] == np.arange(int(target.max()) + 1), np.float64)
    return np.asarray(target - target[first_half].mean() if kind in NUMBERS else target, np.float64)[:, None]


def _sums(places: Ints, count: int, seen: Floats64, first_half: Bools) -> Floats64:
    """places [row, column] among `count` bins of all columns, seen [row, number] → its sum in each bin, [half, bin, number]."""
    rows, columns = places.shape
    places = places + np.int32(count) * ~first_half[:, None]
    begins = np.arange(rows + 1, dtype=np.int32) * np.int32(columns)
    lies = csr_matrix((np.ones(places.size), places.ravel(), begins), shape=(rows, 2 * count))
    sums: Floats64 = (lies.T @ seen).reshape(2, count, -1)
    return sums


def _by_means(n1: Floats64, s1: Floats64, n2: Floats64, s2: Floats64, starts: Ints, target: Floats64) -> Floats64:
    """R² of each column on the second half's `target`, of which the mean of the first half is 0: what a new bin is guessed."""
    guess = s1 / np.maximum(n1, 1)
    wrong = (target @ target) + np.add.reduceat(guess * (n2 * guess - 2 * s2), starts)
    return _r2(wrong[:, None], target[:, None])[:, 0]


def _by_order(n1: Floats64, s1: Floats64, n2: Floats64, s2: Floats64) -> float:
    """AUC of a column: bins in the order of their means."""
    if min(s2.sum(), n2.sum() - s2.sum()) < TELLING:
        return 0.0
    guess = np.where(n1 > 0, s1[:, 0] / np.maximum(n1, 1), s1.sum() / n1.sum())
    return auc(guess, s2[:, 0], n2 - s2[:, 0])


def _by_classes(n1: Floats64, s1: Floats64, n2: Floats64, s2: Floats64) -> float:
    """Share of the majority class's errors that a column's most frequent class of each bin does not make."""
    classes = s1.sum(0)
    table = np.where(n1[:, None] > 0, s1, classes)
    base = n2.sum() - s2[:, classes.argmax()].sum()
    right = s2[np.arange(len(s2)), table.argmax(1)].sum()
    return float(1 - (n2.sum() - right) / base) if base >= TELLING else 0.0


def auc(score: Floats64, positive: Floats64, negative: Floats64) -> float:
    """Area under the ROC curve of so many positives and negatives at each score, with ties (Mann–Whitney)."""
    _, at = np.unique(score, return_inverse=True)
    good, bad = (np.bincount(at, weights=weights) for weights in (positive, negative))
    if not good.sum() or not bad.sum():
        return 0.0
    below = np.cumsum(bad) - bad
    return float((good * (below + bad / 2)).sum() / (good.sum() * bad.sum()))


def by_lines(values: Floats64, known: Bools, targets: Floats64, first_half: Bools) -> Floats64:
    """[column, target]: R² on the second half of a straight line fitted on the first, of each column [row, column] for each
    target [row, target]; rows without a value get the mean, columns without two values or LEAST rows 0."""
    y = targets - targets[first_half].mean(0)  # sums of squares then lose nothing to a mean far away
    halves = [np.flatnonzero(half) for half in (first_half, ~first_half)]
    ys = [np.ascontiguousarray(y[half].T) for half in halves]
    wrong = np.empty((values.shape[1], y.shape[1]))
    for j, (x, there) in enumerate(zip(values.T, known.T, strict=True)):  # one at a time stays in the cache
        wrong[j] = _line([x.take(half) for half in halves], [there.take(half) for half in halves], ys)
    wrong += (ys[1] ** 2).sum(1)
    return np.where(np.isfinite(wrong), _r2(wrong, y[halves[1]]), 0.0)


def _line(x: list[Floats64], there: list[Bools], y: list[Floats64]) -> Floats64 | float:
    """[target]: squared errors on the second half, less those of guessing 0; infinite where there is no line. Of each half:
    x and whether it is there [row], y [target, row]."""
    fit = x[0][there[0]]
    if len(fit) < LEAST or fit.min() == fit.max():
        return np.inf
    middle = fit.mean()
    x1, x2 = (np.where(known, of, middle) - middle for of, known in zip(x, there, strict=True))
    level = y[0] @ there[0].astype(np.float64) / len(fit)
    slope = (y[0] @ x1 - x1.sum() * level) / (x1 @ x1)
    known = there[1].astype(np.float64)
    found: Floats64 = level * (known.sum() * level - 2 * (y[1] @ known))  # without a value the guess is 0
    found += slope * (slope * (x2 @ x2) - 2 * (y[1] @ x2 - level * x2.sum()))
    return found


def _r2(wrong: Floats64, target: Floats64) -> Floats64:
    """1 − wrong ÷ the target's spread, [column, target]; 0 where it has none. wrong [column, target], target [row, target]."""
    spread = ((target - target.mean(0)) ** 2).sum(0)
    return np.where(spread > 0, 1 - wrong / np.where(spread > 0, spread, 1), 0.0)
