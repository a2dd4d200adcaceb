"""What predictions must keep, whatever the rows were: the contract behind a model, as the source's is the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from polars import selectors

from mtl.data.encodings import Encodings, TaskEncoding
from mtl.errors import ContractError
from mtl.registry.package import Predictions
from mtl.spec import NUMBERS, OF_CLASSES, Spec

CLOSE = 1e-3
"""How far probabilities may be from adding up to 1: they are float32 inside."""
CROSSED = 1e-6
"""How far, of their size, a quantile may be below a lower one: the last bits of a float."""

Bools = np.ndarray[Any, np.dtype[np.bool_]]


def answered(encodings: Encodings, entity: str) -> list[TaskEncoding]:
    """The tasks that are predicted for an entity's rows: those that see an input which the model reads of such rows."""
    return [one for one in encodings.tasks if any(entity in encodings.inputs[name].sources for name in one.inputs)]


def check_answers(tasks: Sequence[TaskEncoding], predictions: Predictions, table: pl.DataFrame, keys: pl.Series) -> None:
    """One row for each key, every number finite, probabilities such, quantiles in order, labels known.

    predictions: as `Package.predictions` gives them; table: what `mtl.registry.package.table` makes of them; keys: text, for the
    message. Raises ContractError that names the task, how many rows, and the first.
    """
    if table.height != len(keys):
        raise ContractError("the predictions", expected=f"{len(keys)} rows, one for each row kept", found=f"{table.height}")
    for column in table.columns:
        _refuse(table[column].is_null().to_numpy(), f"column {column!r}", "a value in every row", keys, None)
    for task in tasks:
        if task.kind == "tagging":
            _known_tags(task, table[task.name], keys)
            continue
        values = np.asarray(predictions[task.name], np.float64).reshape(len(keys), -1)
        _refuse(_in_row(~np.isfinite(values)), f"task {task.name!r}", "finite numbers", keys, values)
        if task.kind not in NUMBERS:
            _refuse(_in_row((values < 0) | (values > 1)), f"task {task.name!r}", "probabilities, 0 … 1", keys, values)
        if task.kind in OF_CLASSES:
            off = np.abs(values.sum(axis=1) - 1) > CLOSE
            _refuse(off, f"task {task.name!r}", "probabilities that add up to 1", keys, values)
            strange = ~table[task.name].is_in(task.classes).to_numpy()
            _refuse(strange, f"task {task.name!r}", f"one of {', '.join(task.classes[:10])}", keys, None)
        if task.kind == "quantile":
            _refuse(_crossed(values), f"task {task.name!r}", "quantiles that rise with their level", keys, values)
    for column in table.select(selectors.float()).columns:  # spreads, which are in no task's predictions
        cells = table[column].to_numpy()
        _refuse(~np.isfinite(cells), f"column {column!r}", "finite numbers", keys, cells.reshape(-1, 1))


def outside(spec: Spec, tasks: Sequence[TaskEncoding], predictions: Predictions) -> dict[str, int]:
    """Task -> rows whose predicted number is below the spec's `min` of it or above its `max`; only tasks that have a bound.

    Such a prediction is none to refuse: nothing keeps a model from predicting beyond the labels that it saw.
    """
    counts = {}
    for task in tasks:
        said = spec.tasks.get(task.of)
        if said is None or task.kind not in NUMBERS or (said.min is None and said.max is None):
            continue
        values = np.asarray(predictions[task.name], np.float64)
        low, high = -np.inf if said.min is None else said.min, np.inf if said.max is None else said.max
        counts[task.name] = int(((values < low) | (values > high)).reshape(len(values), -1).any(axis=1).sum())
    return counts


def _crossed(values: np.ndarray[Any, Any]) -> Bools:
    slack = CROSSED * np.maximum(1.0, np.abs(values).max(axis=1, keepdims=True))
    return _in_row(np.diff(values, axis=1) < -slack)


def _in_row(cells: Bools) -> Bools:
    """bool [rows]: whether it holds of any cell, of cells [rows, n]."""
    return np.asarray(cells.any(axis=1))


def _known_tags(task: TaskEncoding, tags: pl.Series, keys: pl.Series) -> None:
    strange = ~tags.list.eval(pl.element().is_in(list(task.classes))).list.all().to_numpy()
    _refuse(strange, f"task {task.name!r}", f"tags among {', '.join(task.classes[:10])}", keys, None)


def _refuse(bad: Bools, what: str, expected: str, keys: pl.Series, values: np.ndarray[Any, Any] | None) -> None:
    if not bad.any():
        return
    row = int(bad.argmax())
    shown = "" if values is None else f": {', '.join(f'{value:.6g}' for value in values[row][:10])}"
    raise ContractError(
        f"the champion's predictions, {what}", expected=expected,
        found=f"{int(bad.sum()):,} of {len(bad):,} rows otherwise, the first with key {keys[row].replace(chr(31), ' / ')!r}{shown}",
        do="nothing was written; look at that row, and at `mtl history` for a version to go back to",
    )  # fmt: skip
