"""The new task's labels on the champion's inputs: its encodings as they are, the project's split, rows that have a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mtl.data.encode import raw_rows
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.data.fitting.leaks import find_leaks
from mtl.data.fitting.tasks import fit_tasks
from mtl.data.inputs.base import Arrays
from mtl.data.ragged import Ragged
from mtl.data.tables import has_column, scan
from mtl.errors import DataError, SpecError
from mtl.layout import SPLITS, VECTORS
from mtl.pretrained.rows import with_vectors
from mtl.spec import LISTS, Spec

LEAST = 20
"""Labels of valid that are kept, however few train has."""


@dataclass(frozen=True)
class TaskRows:
    """Labelled rows of one task: inputs as `InputEncoding.apply` gives them, targets f32 [rows, 1], labelled all true; lists
    of the task where its label is one."""

    inputs: dict[str, Arrays]
    targets: np.ndarray[Any, np.dtype[np.float32]]
    keys: pl.DataFrame
    """entity, key, group."""
    lists: dict[str, Ragged] = field(default_factory=dict)

    @property
    def labelled(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        return np.ones(self.targets.shape, np.bool_)

    def __len__(self) -> int:
        return len(self.targets)

    def at(self, rows: Sequence[int] | np.ndarray[Any, Any]) -> TaskRows:
        """Some of the rows."""
        inputs = {name: {part: array[rows] for part, array in of.items()} for name, of in self.inputs.items()}
        lists = {name: of_task[rows] for name, of_task in self.lists.items()}
        return TaskRows(inputs, self.targets[rows], self.keys[rows], lists)

    def some(self, count: int, seed: int, of_classes: bool) -> TaskRows:
        """`count` rows at random (all, if there are fewer); of classes as many of each as among all, and of each at least one."""
        random = np.random.default_rng(seed)
        order = random.permutation(len(self))
        if of_classes:
            labels = self.targets[order, 0]
            place = np.empty(len(order))
            for label in np.unique(labels):
                mine = np.flatnonzero(labels == label)
                place[mine] = (np.arange(len(mine)) + 0.5) / len(mine) - (np.arange(len(mine)) == 0)  # the first of each goes first
            order = order[np.argsort(place, kind="stable")]
        return self.at(np.sort(order[:count]))


def task_rows(
    spec: Spec, of: str, encodings: Encodings, validated: Path, split: pl.DataFrame
) -> tuple[TaskEncoding, dict[str, TaskRows]]:
    """The new task, fitted on its train labels, and its rows of each split.

    Raises SpecError for a task that cannot be added, DataError where validated tables lack its column, UnfitError where it
    cannot be learned, LeakError where an input gives it away.
    """
    said = spec.tasks[of]
    inputs = tuple(name for name in spec.inputs_of(of) if name in encodings.inputs)
    _can_be_added(spec, of, encodings, inputs, validated)
    rows = scan(spec, said.source, validated, {said.column: "label"}).with_columns(value=pl.lit(None, pl.String))
    entity = spec.entity_of(said.source)
    sides = split.filter(pl.col("entity") == entity).select("key", "split").lazy()
    labels = rows.join(sides, on="key", how="inner").sort("key").collect()
    plain = spec.model_copy(update={"encoding": spec.encoding.model_copy(update={"on_unfit": "stop"})})
    (target,) = fit_tasks(plain, {of: labels})[0]
    task = replace(target.task, inputs=inputs)
    known = labels.filter(pl.Series(task.encode(labels["label"])[1])).with_columns(entity=pl.lit(entity))
    keys = split.select("entity", "key", "group").join(known, on=["entity", "key"], how="inner", maintain_order="left")
    found = _encoded(spec, task, encodings, validated, keys)
    _check_leaks(spec, task, encodings, found["train"])
    return task, found


def _can_be_added(spec: Spec, of: str, encodings: Encodings, inputs: tuple[str, ...], validated: Path) -> None:
    said = spec.tasks[of]
    if of in {task.of for task in encodings.tasks}:
        raise SpecError(
            f"task {of!r}", expected="one that the champion does not predict yet", found="one of its own tasks",
            do="nothing is to be done: the champion answers it",
        )  # fmt: skip
    if said.kind == "tagging":
        raise SpecError(
            f"tasks.{of}", expected="a task that reads rows", found="kind: tagging, which reads tokens",
            do="train it with the others: mtl run",
        )  # fmt: skip
    if said.for_each is not None:
        raise SpecError(
            f"tasks.{of}", expected="one task", found="for_each, which makes several", do="leave for_each out, one task at a time"
        )
    if not inputs:
        raise SpecError(
            f"tasks.{of}.inputs", expected=f"an input that the champion reads ({', '.join(encodings.inputs)})", found="none",
            do="train it with the others: mtl run",
        )  # fmt: skip
    folder = validated / said.source
    if not folder.is_dir() or not has_column(said.source, said.column, validated):
        raise DataError(
            f"{folder}: column {said.column!r} of the new task", expected="a validated column", found="none",
            do=f"run `dvc repro validate@{said.source} split`: it reads the columns that params.yaml names",
        )  # fmt: skip


def _encoded(spec: Spec, task: TaskEncoding, encodings: Encodings, validated: Path, keys: pl.DataFrame) -> dict[str, TaskRows]:
    """The labelled rows that have an input the task may see."""
    try:
        frame = raw_rows(spec, encodings, validated, keys)
    except (pl.exceptions.PolarsError, KeyError, FileNotFoundError) as error:
        raise DataError(
            "the champion's inputs", expected="validated tables with every column it reads", found=str(error).splitlines()[0],
            do="bring the columns back in params.yaml, or train a new champion: mtl run",
        ) from error  # fmt: skip
    frame = with_vectors(encodings, frame, VECTORS)
    arrays = {name: one.apply(frame) for name, one in encodings.inputs.items()}
    targets = task.encode(frame["label"])[0][:, None]
    lists = {task.name: task.encode_list(frame["label"])[0]} if task.kind in LISTS else {}
    whole = TaskRows(arrays, targets, frame.select("entity", "key", "group"), lists)
    present = np.any([arrays[name]["present"] for name in task.inputs], axis=0)
    side = frame["split"].to_numpy()
    return {name: whole.at(np.flatnonzero(present & (side == name))) for name in SPLITS}


def _check_leaks(spec: Spec, task: TaskEncoding, encodings: Encodings, train: TaskRows) -> None:
    """The champion's columns cannot be dropped, so a leak stops whatever the spec says of leaks."""
    leak = spec.encoding.leak.model_copy(update={"on_leak": "stop"})
    strict = spec.model_copy(update={"encoding": spec.encoding.model_copy(update={"leak": leak})})
    values = task.truth(train.lists[task.name]) if task.name in train.lists else train.targets[:, 0].astype(np.float64)
    labels = {task.name: (values, train.labelled[:, 0])}
    find_leaks(strict, encodings.inputs, [task], {task.entity: (train.keys["key"], train.inputs)}, labels)
