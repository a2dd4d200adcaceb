"""The leak check: does one input column alone give a label away?

How well each column alone predicts each task is told by `scores.py`. Of a long table it looks at MOST rows of each task,
drawn once: a column that gives a label away does so on these too (an R² of .98 is known to ± .001, an AUC of .98 to ± .01
where one label in a hundred is positive), and the check costs the same however long the table is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import polars as pl

from mtl.data.encodings import TaskEncoding
from mtl.data.fitting.scores import LEAST, Bools, Ints, Look, cut
from mtl.data.inputs import InputEncoding, TabularEncoding
from mtl.data.inputs.base import Arrays
from mtl.data.keys import stable_hash
from mtl.errors import LeakError
from mtl.spec import LISTS, Spec, TabularInput

MOST = 20_000
"""Labelled train rows of a task that are looked at."""
TOGETHER = 64
"""Columns looked at together: memory is then bounded."""

Train = dict[str, tuple[pl.Series, dict[str, Arrays]]]
Labels = dict[str, tuple[np.ndarray[Any, Any], Bools]]


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
    spec: Spec, inputs: Mapping[str, InputEncoding], tasks: list[TaskEncoding], train: Train, labels: Labels
) -> list[Leak]:
    """Columns at or above the threshold, with what is done about each.

    `train`: entity -> its train keys and the encoded arrays of its inputs on them; `labels`: task -> encoded
    target and mask on those rows. Of several labels each class is looked at as a yes or no, `TASK: CLASS`; other lists are
    left out. Raises LeakError if the spec says `stop` for one of them.
    """
    tasks, labels = _each_class(tasks, labels)
    found = {task.name: list[Leak]() for task in tasks}
    together = sorted(tasks, key=lambda task: _rows_as_bytes(task, labels))  # their columns are cut once
    for _, group in groupby(together, key=lambda task: _rows_as_bytes(task, labels)):
        for leak in _leaks_of(spec, list(group), inputs, train, labels):
            found[leak.task].append(leak)
    leaks = [leak for task in tasks for leak in found[task.name]]
    stops = [leak for leak in leaks if leak.decision == "stop"]
    if stops:
        first = stops[0]
        others = "".join(f"; {leak.column} → {leak.task} ({leak.score:.3f})" for leak in stops[1:5])
        raise LeakError(
            f"inputs.{first.input}.columns.{first.column} alone predicts task {first.task!r}",
            expected=f"no column with a score of {spec.encoding.leak.threshold:g} or more: it is hardly known before the label is",
            found=f"a score of {first.score:.3f} on train rows{others}",
            do="remove the column from the inputs, or write `leak: allow` beside it if it is known when a prediction is asked for",
        )
    return leaks


def _each_class(tasks: list[TaskEncoding], labels: Labels) -> tuple[list[TaskEncoding], Labels]:
    """A binary task of each class where several may be right; without what else has lists for labels."""
    found, its = [task for task in tasks if task.kind not in LISTS], dict(labels)
    for task in (one for one in tasks if one.kind == "multilabel"):
        values, labelled = labels[task.name]
        for c, label in enumerate(task.classes):
            found.append(replace(task, name=f"{task.name}: {label}", kind="binary"))
            its[found[-1].name] = values[:, c], labelled
    return found, its


def _rows_as_bytes(task: TaskEncoding, labels: Labels) -> tuple[str, tuple[str, ...], bytes]:
    """Equal for tasks of the same entity, inputs and labelled rows."""
    return task.entity, task.inputs, np.packbits(labels[task.name][1]).tobytes()


def _leaks_of(
    spec: Spec, tasks: Sequence[TaskEncoding], inputs: Mapping[str, InputEncoding], train: Train, labels: Labels
) -> Iterator[Leak]:
    """Of tasks with the same labelled rows, in the order of the inputs and their columns."""
    keys, arrays = train[tasks[0].entity]
    rows = _some(np.flatnonzero(labels[tasks[0].name][1]))
    first_half = (stable_hash(keys.gather(rows), "leak") & np.uint64(1)).astype(bool)
    if min(first_half.sum(), (~first_half).sum()) < LEAST:
        return
    targets, kinds = [labels[task.name][0][rows].astype(np.float64) for task in tasks], [task.kind for task in tasks]
    for name, table in ((name, inputs[name]) for name in tasks[0].inputs):
        for look in _looks(table, arrays[name], rows) if isinstance(table, TabularEncoding) else ():
            scores = look.scores(targets, kinds, first_half)
            for place, t in zip(*np.nonzero(scores >= spec.encoding.leak.threshold), strict=True):
                column = look.names[place]
                allowed = _let_through(spec, name, column)
                decision = "allow" if allowed else spec.encoding.leak.on_leak
                yield Leak(name, column, tasks[t].name, round(float(scores[place, t]), 4), decision)


def _let_through(spec: Spec, name: str, column: str) -> bool:
    one = spec.inputs[name]
    return isinstance(one, TabularInput) and one.columns[column].leak == "allow"


def _some(rows: Ints) -> Ints:
    """At most MOST of the rows, in their order; the same ones for the same number of rows."""
    if len(rows) <= MOST:
        return rows
    return rows[np.sort(np.random.default_rng(0).choice(len(rows), MOST, replace=False))]


def _looks(encoding: TabularEncoding, arrays: Arrays, rows: Ints) -> Iterator[Look]:
    """Every column of an input on these rows, some at a time."""
    for start in range(0, len(encoding.numeric), TOGETHER):
        part = slice(start, start + TOGETHER)
        values, known = arrays["numeric"][rows, part].astype(np.float64), ~arrays["missing"][rows, part]
        yield Look(tuple(one.column for one in encoding.numeric[part]), cut(values, known), values, known)
    for start in range(0, len(encoding.categorical), TOGETHER):
        part = slice(start, start + TOGETHER)
        names = tuple(one.column for one in encoding.categorical[part])
        yield Look(names, arrays["categorical"][rows, part])
