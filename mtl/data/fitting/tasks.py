"""Fitting targets on train rows, one task for each value of a column, and tasks that cannot be learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from mtl.data.encodings import TaskEncoding
from mtl.errors import DataError, UnfitError
from mtl.layout import SPLITS
from mtl.spec import Spec

PAIRS = (("0", "1"), ("false", "true"), ("no", "yes"))
"""(negative, positive) spellings of a binary label whose positive value the spec does not name."""


@dataclass(frozen=True)
class Target:
    """A task and its labels: one row a key, columns key, split, label (null where there is none)."""

    task: TaskEncoding
    rows: pl.DataFrame

    def labels(self, split: str) -> pl.Series:
        return self.rows.filter(pl.col("split") == split)["label"].drop_nulls()

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Split -> labels in it that the task, once fitted, can read."""
        labelled = self.rows["split"].filter(pl.Series(self.task.encode(self.rows["label"])[1]))
        counts = dict(labelled.value_counts().iter_rows())
        return {side: int(counts.get(side, 0)) for side in SPLITS}


def fit_tasks(spec: Spec, targets: dict[str, pl.DataFrame], sides: Sequence[str] = SPLITS) -> tuple[list[Target], dict[str, str]]:
    """The tasks that can be learned, and those that cannot with the reason.

    `targets`: the spec's task -> key, split, label, value (of for_each, else null); `sides`: the splits that must have labels.
    Raises UnfitError for a task that cannot be learned and whose `on_unfit` is `stop`, DataError for two of one name.
    """
    fitted: list[Target] = []
    dropped: dict[str, str] = {}
    expanded = [(of, target) for of, rows in targets.items() for target in _expand(spec, of, rows)]
    _each_name_once(expanded)
    for of, target in expanded:
        target = replace(target, task=_fit(spec, target))
        reason = _unfit(spec, target, sides)
        if not reason:
            fitted.append(target)
        elif (spec.tasks[of].on_unfit or spec.encoding.on_unfit) == "drop":
            dropped[target.task.name] = reason
        else:
            raise UnfitError(
                f"task {target.task.name!r} cannot be learned (column {spec.tasks[of].column!r} of {spec.tasks[of].source!r})",
                expected=f"at least {spec.encoding.min_labels} train labels, more than one class, labels in every split",
                found=reason,
                do=f"write `on_unfit: drop` under tasks.{of} to leave it out, or bring more labels",
            )
    if not fitted:
        raise UnfitError("no task is left", expected="at least one that can be learned", found=str(dropped)[:300])
    return fitted, dropped


def _each_name_once(expanded: list[tuple[str, Target]]) -> None:
    """A task that `for_each` made may not be called as another one."""
    first: dict[str, str] = {}
    for of, target in expanded:
        name = target.task.name
        if name in first:
            raise DataError(
                f"task {name!r}: made of tasks.{first[name]} and of tasks.{of}",
                expected="each name once (`for_each` joins the task's name and the value)", found=f"{name!r} twice",
                do="rename one of the two in params.yaml",
            )  # fmt: skip
        first[name] = of


def _expand(spec: Spec, of: str, rows: pl.DataFrame) -> list[Target]:
    """The task itself, or one of each value of its `for_each` column, in the order of the values."""
    said = spec.tasks[of]
    plain = TaskEncoding(
        name=of, of=of, kind=said.kind, entity=spec.entity_of(said.source), source=said.source, column=said.column,
        inputs=spec.inputs_of(of), metric=said.headline, unit=said.unit, weight=said.weight, tolerance=said.tolerance,
    )  # fmt: skip
    if not said.for_each:
        return [Target(plain, rows)]
    values = sorted(rows["value"].drop_nulls().unique(), key=_natural)
    return [Target(replace(plain, name=f"{of}_{value}", value=value), rows.filter(pl.col("value") == value)) for value in values]


def _natural(value: str) -> tuple[int, float, str]:
    """Numbers by size, then words."""
    try:
        return (0, float(value), value)
    except ValueError:
        return (1, 0.0, value)


def _fit(spec: Spec, target: Target) -> TaskEncoding:
    task, train, said = target.task, target.labels("train"), spec.tasks[target.task.of]
    if task.kind == "regression":
        values = train.cast(pl.Float64).to_numpy()
        std = float(values.std()) if len(values) else 0.0
        return replace(task, mean=float(values.mean()) if len(values) else 0.0, std=std if std > 0 else 1.0)
    if task.kind == "binary":
        return replace(task, classes=_pair(said.negative, said.positive, set(target.rows["label"].drop_nulls().unique())))
    return replace(task, classes=said.classes or tuple(sorted(train.unique(), key=_natural)))


def _pair(negative: str | None, positive: str | None, seen: set[str]) -> tuple[str, str]:
    """(negative, positive) of a binary task; `` as negative stands for every other value."""
    if positive is not None:
        return (negative or "", positive)
    return next((pair for pair in PAIRS if seen <= set(pair)), PAIRS[0])


def _unfit(spec: Spec, target: Target, sides: Sequence[str]) -> str:
    """Why the task cannot be learned; empty if it can."""
    empty = [split for split in sides if not target.sizes[split]]
    if empty:
        return f"no label in {' and '.join(empty)}"
    if target.sizes["train"] < spec.encoding.min_labels:
        return f"{target.sizes['train']} labels in train"
    codes, labelled = target.task.encode(target.labels("train"))
    if len(np.unique(codes[labelled])) < 2:
        return f"one value only in train ({target.labels('train')[0]})"
    return ""
