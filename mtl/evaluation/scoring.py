"""Each task's metrics for each rival: on test, and in each resample."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mtl.data.encodings import TaskEncoding
from mtl.data.ragged import Ragged
from mtl.evaluation.bootstrap import Item, bootstrap
from mtl.evaluation.metrics import Array, Value, checked, point, resampled
from mtl.evaluation.metrics.values import Indices

OURS = "model"
"""The rival whose slices are resampled."""

Predictions = dict[str, Any]
"""Task -> regression, count: [rows] in the task's unit; quantile: [rows, levels]; binary: [rows] probability of the positive class;
multiclass, ordinal: [rows, classes] probabilities."""

Truth = Mapping[str, Any]
"""Task -> [rows] in the task's unit, or class number; of a list what `TaskEncoding.truth` makes of it, an array or `Ragged`."""

Labelled = Mapping[str, np.ndarray[Any, np.dtype[np.bool_]]]
"""Task -> [rows], whether the row has a label."""


@dataclass(frozen=True)
class Scored:
    """One task, or one slice of it, with every rival that predicts it."""

    task: TaskEncoding
    rows: Indices
    units: int
    """Independent things that speak: labelled rows or groups; of the rarer class if binary."""
    truth: Any
    predicted: dict[str, Any]
    points: dict[str, dict[str, Value]]
    draws: dict[str, dict[str, Array]] = field(default_factory=dict)


def score_tasks(
    tasks: Sequence[TaskEncoding],
    truth: Truth,
    labelled: Labelled,
    predictions: Mapping[str, Predictions],
    *,
    resamples: int,
    seed: int,
    groups: np.ndarray[Any, Any] | None = None,
    wanted: Mapping[str, Collection[str]] | None = None,
    also: Sequence[Scored] = (),
) -> list[Scored]:
    """Every task, then everything of `also` (slices), scored with the same resamples.

    predictions: rival -> task -> array; a rival may lack tasks. groups [rows] are resampled whole. wanted: task ->
    metrics to resample, all if left out; of `also` only the headline metric of "model" is resampled.
    Raises DataError on a prediction that is not finite.
    """
    plain = [chosen(task, truth, labelled, predictions, groups=groups) for task in tasks]
    items = [_item(one, None if wanted is None else wanted[one.task.name]) for one in plain]
    items += [_item(one, {one.task.metric}, only=OURS) for one in also]
    rows = max((len(mask) for mask in labelled.values()), default=0)
    draws = bootstrap(items, rows, resamples=resamples, seed=seed, groups=groups)
    return [
        Scored(one.task, one.rows, one.units, one.truth, one.predicted, one.points, drawn)
        for one, drawn in zip([*plain, *also], draws)
    ]


def chosen(
    task: TaskEncoding,
    truth: Truth,
    labelled: Labelled,
    predictions: Mapping[str, Predictions],
    *,
    groups: np.ndarray[Any, Any] | None = None,
    within: np.ndarray[Any, np.dtype[np.bool_]] | None = None,
) -> Scored:
    """The labelled rows of one task (those `within` a slice), with point values and without draws."""
    mask = np.asarray(labelled[task.name], np.bool_)
    rows = np.flatnonzero(mask if within is None else mask & within)
    true = _some(truth[task.name], rows)
    predicted = {
        rival: checked(task.kind, task.name, _some(by_task[task.name], rows))
        for rival, by_task in predictions.items()
        if task.name in by_task
    }
    points = {rival: point(task.kind, true, mine, task.levels) for rival, mine in predicted.items()}
    units = _units(task.kind, true, None if groups is None else groups[rows])
    return Scored(task, rows, units, true, predicted, points)


def _some(values: Any, rows: Indices) -> Any:
    """Some rows of an array, as float64, or of rows of different length, as they are."""
    return values[rows] if isinstance(values, Ragged) else np.asarray(values, np.float64)[rows]


def _units(kind: str, truth: Array, groups: np.ndarray[Any, Any] | None) -> int:
    parts = [truth == label for label in (0, 1)] if kind == "binary" else [np.ones(len(truth), np.bool_)]
    return min(int(part.sum()) if groups is None else len(np.unique(groups[part])) for part in parts)


def _item(one: Scored, wanted: Collection[str] | None, only: str | None = None) -> Item:
    rivals = [rival for rival in one.predicted if only in (None, rival)]
    task = one.task
    scorers = {rival: resampled(task.kind, one.truth, one.predicted[rival], wanted, task.levels) for rival in rivals}
    return Item(one.rows, scorers)
