"""Predictions as a Parquet file: one column TASK, or TASK.PART for each of several numbers (classes); of tags, a list of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mtl.data.encodings import TaskEncoding
from mtl.errors import DataError
from mtl.files import replacing

Predictions = dict[str, Any]


def columns_of(task: TaskEncoding) -> list[str]:
    """The columns a task's predictions take."""
    return [f"{task.name}.{part}" for part in task.parts] or [task.name]


def write_predictions(target: Path, tasks: Sequence[TaskEncoding], predictions: Predictions) -> None:
    """Write `predictions` (task -> [rows] or [rows, classes], or `Ragged` of tags) of `tasks` to `target`."""
    columns: dict[str, Any] = {}
    for task in tasks:
        if task.kind == "tagging":
            columns[task.name] = task.tags_of(predictions[task.name])
            continue
        values = np.asarray(predictions[task.name], np.float64)
        parts = values[:, None] if values.ndim == 1 else values
        columns |= dict(zip(columns_of(task), np.ascontiguousarray(parts.T)))
    with replacing(target) as partial:
        pl.DataFrame(columns).write_parquet(partial)


def read_predictions(path: Path, tasks: Sequence[TaskEncoding]) -> Predictions:
    """What `write_predictions` wrote. Raises DataError if the file or a task's column is missing."""
    if not path.is_file():
        raise DataError(f"{path}: predictions of a rival", expected="a file", found="none", do="run the stage that makes it")
    frame = pl.read_parquet(path)
    missing = [name for task in tasks for name in columns_of(task) if name not in frame.columns]
    if missing:
        raise DataError(
            f"{path}: predictions of a rival", expected=f"the column {missing[0]}", found=f"{len(missing)} columns missing",
            do="run the stage that makes it again; the tasks have changed since",
        )  # fmt: skip
    return {task.name: _array(frame, task) for task in tasks}


def _array(frame: pl.DataFrame, task: TaskEncoding) -> Any:
    if task.kind == "tagging":
        return task.truth(task.encode_list(frame[task.name])[0])
    parts = [frame[name].to_numpy() for name in columns_of(task)]
    return np.stack(parts, axis=1) if task.parts else np.array(parts[0])
