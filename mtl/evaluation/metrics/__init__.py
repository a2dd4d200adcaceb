"""Metrics by kind of task: point values by scikit-learn, and the same for a whole matrix of resample weights.

A new kind is one file with `point` and `resampled`, and one line in KINDS.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from mtl.data.ragged import Ragged
from mtl.errors import DataError
from mtl.evaluation.metrics import binary, count, multiclass, multilabel, ordinal, quantile, regression, retrieval, tagging
from mtl.evaluation.metrics.direction import LOSSES, gain, loss_form, needed_for
from mtl.evaluation.metrics.values import NO_ROWS, Array, Scorer, Value, undefined
from mtl.spec import METRICS, NUMBERS

__all__ = [
    "KINDS",
    "LOSSES",
    "Array",
    "Scorer",
    "Value",
    "checked",
    "decided",
    "gain",
    "loss_form",
    "needed_for",
    "point",
    "resampled",
]


class Kind(NamedTuple):
    """How one kind of task is scored."""

    point: Callable[..., dict[str, Value]]
    """Truth and prediction, of quantiles also their levels."""
    resampled: Callable[..., Scorer]
    """Truth, prediction and the metrics wanted, of quantiles also their levels."""


KINDS = {
    "binary": Kind(binary.point, binary.resampled),
    "multiclass": Kind(multiclass.point, multiclass.resampled),
    "ordinal": Kind(ordinal.point, ordinal.resampled),
    "regression": Kind(regression.point, regression.resampled),
    "count": Kind(count.point, count.resampled),
    "quantile": Kind(quantile.point, quantile.resampled),
    "multilabel": Kind(multilabel.point, multilabel.resampled),
    "tagging": Kind(tagging.point, tagging.resampled),
    "retrieval": Kind(retrieval.point, retrieval.resampled),
}


def point(kind: str, truth: Array, predicted: Array, levels: Sequence[float] = ()) -> dict[str, Value]:
    """Metric -> its value on these rows, in the order of `mtl.spec.METRICS`; no rows leave all undefined. `levels`: quantiles'."""
    if not len(truth):
        return {metric: undefined(NO_ROWS) for metric in METRICS[kind]}
    return KINDS[kind].point(truth, predicted, *([levels] if kind == "quantile" else []))


def resampled(
    kind: str, truth: Array, predicted: Array, wanted: Collection[str] | None = None, levels: Sequence[float] = ()
) -> Scorer:
    """A function from weights [rows, resamples] to metric -> [resamples]; `wanted`: all of the kind if left out."""
    chosen = frozenset(METRICS[kind] if wanted is None else wanted)
    if not len(truth):
        return lambda weights: {metric: np.full(weights.shape[1], np.nan) for metric in chosen}
    score = KINDS[kind].resampled(truth, predicted, chosen, *([levels] if kind == "quantile" else []))
    return lambda weights: {metric: values for metric, values in score(weights).items() if metric in chosen}


def decided(kind: str, predicted: Array) -> Array:
    """The class number a prediction stands for: from one half on, the likeliest, or (ordinal) the median class; of several labels
    1 for each that is predicted."""
    likeliest = multiclass.decided
    ways = {"multilabel": binary.decided, "multiclass": likeliest, "retrieval": likeliest, "ordinal": ordinal.decided}
    return ways.get(kind, binary.decided)(predicted)


def checked(kind: str, task: str, predicted: Any) -> Any:
    """`predicted` as float64, probabilities summing to 1.

    Raises:
        DataError: a prediction is not finite, or a probability is outside 0 … 1.
    """
    if isinstance(predicted, Ragged):  # of tags, which are numbers of classes
        return predicted
    wide = np.asarray(predicted, np.float64)
    if not np.isfinite(wide).all():
        bad = int((~np.isfinite(wide)).any(axis=tuple(range(1, wide.ndim))).sum())
        raise DataError(f"task {task}: predictions on test", expected="finite numbers", found=f"{bad} rows that are not",
                        do="look at the training curves; a lower training.lr keeps the weights finite")  # fmt: skip
    if kind in NUMBERS:
        return wide
    if wide.size and (wide.min() < -1e-6 or wide.max() > 1 + 1e-6):
        raise DataError(
            f"task {task}: predictions on test", expected="probabilities from 0 to 1", found=f"{wide.min():g} to {wide.max():g}"
        )
    wide = np.clip(wide, 0, 1)
    return wide if kind in ("binary", "multilabel") else wide / wide.sum(axis=1, keepdims=True)
