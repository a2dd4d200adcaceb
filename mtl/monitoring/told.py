"""What labels and predictions of a task are counted as: numbers, classes, or labels of which a row has several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mtl.data.encodings import TaskEncoding
from mtl.data.ragged import Ragged
from mtl.evaluation.metrics import decided
from mtl.evaluation.metrics.quantile import median
from mtl.monitoring.bins import Floats
from mtl.monitoring.parts import Categories, Flags, Numbers, Part
from mtl.spec import LISTS, NUMBERS, OF_CLASSES

STEPS = 1e-5
"""To which predictions are rounded, in the deviation of the task's labels: their last digits depend on the batch they lie in."""
OTHERS = "(others)"
"""What a binary task's negative class is called that the spec leaves open."""


@dataclass(frozen=True)
class Several:
    """Rows that have any number of labels: bool [rows, label]."""

    has: np.ndarray[Any, np.dtype[np.bool_]]
    names: tuple[str, ...]


Told = Floats | pl.Series | Several


def count(told: Told, like: Part | None = None) -> Part:
    """Counted by bins, values and labels of their own, or by those of `like`."""
    if isinstance(told, Several):
        return Flags.of(told.has, told.names, like.values if isinstance(like, Flags) else None)
    if isinstance(told, pl.Series):
        return Categories.of(told, like.values if isinstance(like, Categories) else None)
    return Numbers.of(told, like.edges if isinstance(like, Numbers) else None)


def labels(task: TaskEncoding, cells: pl.Series) -> Told:
    """What the labelled ones of a source's validated cells say, in the task's own unit or by the names of its classes."""
    if task.kind in LISTS:
        lists, labelled = task.encode_list(cells)
        return _several(task, task.truth(lists[labelled]))
    if task.kind in NUMBERS:
        numbers = cells.drop_nulls().cast(pl.Float64).to_numpy()
        return np.asarray(numbers[np.isfinite(numbers)])
    values, labelled = task.encode(cells)
    return _named(task, values[labelled])


def predicted(task: TaskEncoding, values: Any) -> Told:
    """What `Package.predictions` gives of a task: the number or the median, the probability of the positive class, or what is
    decided for."""
    if task.kind == "quantile":
        values = median(values, task.levels)
    if task.kind in NUMBERS or task.kind == "binary":
        return np.asarray(task.original(np.round((values - task.mean) / task.std / STEPS) * STEPS))
    if task.kind in OF_CLASSES:
        return _named(task, decided(task.kind, values))
    return _several(task, values if isinstance(values, Ragged) else decided(task.kind, values))


def _named(task: TaskEncoding, classes: np.ndarray[Any, Any]) -> pl.Series:
    names = pl.Series([name or OTHERS for name in task.classes], dtype=pl.String)
    return names.gather(pl.Series(classes.astype(np.int64)))


def _several(task: TaskEncoding, values: Any) -> Several:
    """Of rows as metrics read them: which labels, or which types of span (which tags), each has."""
    if not isinstance(values, Ragged):
        return Several(np.asarray(values) > 0.5, task.classes)
    types = values.values // 2  # what is O of spans is none
    has = np.zeros((len(values), len(task.types) + 1), np.bool_)
    has[np.repeat(np.arange(len(values)), values.lengths), types] = True
    return Several(has[:, 1:], task.types)
