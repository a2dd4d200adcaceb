"""Fitting targets on train rows, one task for each value of a column, and tasks that cannot be learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from mtl.data.encodings import TaskEncoding
from mtl.data.fitting.losses import check_weighed, class_weights_of, dispersion_of
from mtl.data.tags import classes_of
from mtl.errors import DataError, UnfitError
from mtl.layout import SPLITS
from mtl.spec import LISTS, NUMBERS, Spec, TokensInput
from mtl.spec.tagging import CRF

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
    for of, rows in targets.items():
        check_weighed(of, spec.tasks[of], rows["label"])
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
        levels=said.quantiles, distribution=said.distribution or "poisson", focal=said.focal or 0.0,
        size=said.points[0], temperature=said.points[1],
    )  # fmt: skip
    if said.kind == "tagging":
        plain = replace(plain, **_of_tags(spec, of))
    if not said.for_each:
        return [Target(plain, rows)]
    values = sorted(rows["value"].drop_nulls().unique(), key=_natural)
    return [Target(replace(plain, name=f"{of}_{value}", value=value), rows.filter(pl.col("value") == value)) for value in values]


def _of_tags(spec: Spec, of: str) -> dict[str, Any]:
    """What a tagging task's encoding says more, as far as the spec says it."""
    said, inputs = spec.tasks[of], {name: spec.inputs[name] for name in spec.inputs_of(of)}
    (name, one), *_ = ((name, one) for name, one in inputs.items() if isinstance(one, TokensInput))
    return {"tags": name, "spans": said.spans, "crf": CRF if said.crf is None else said.crf, "max_tokens": one.max_tokens}


def _natural(value: str) -> tuple[int, float, str]:
    """Numbers by size, then words."""
    try:
        return (0, float(value), value)
    except ValueError:
        return (1, 0.0, value)


def _fit(spec: Spec, target: Target) -> TaskEncoding:
    task, train, said = target.task, target.labels("train"), spec.tasks[target.task.of]
    if task.kind == "count":
        poisson = task.distribution == "poisson"
        return replace(task, dispersion=dispersion_of(train.cast(pl.Float64).to_numpy()) if poisson else 1.0)
    if task.kind in NUMBERS:
        values = train.cast(pl.Float64).to_numpy()
        std = float(values.std()) if len(values) else 0.0
        return replace(task, mean=float(values.mean()) if len(values) else 0.0, std=std if std > 0 else 1.0)
    if task.kind == "tagging":
        task = replace(task, classes=classes_of(said.classes or train.explode().drop_nulls().unique(), task.spans))
        lengths = task.learned(task.encode_list(train)[0]).lengths
        return replace(task, length=max(1.0, float(lengths.mean())) if len(lengths) else 1.0)
    if task.kind == "binary":
        task = replace(task, classes=_pair(said.negative, said.positive, set(target.rows["label"].drop_nulls().unique())))
    else:
        seen = train.explode().drop_nulls() if task.kind in LISTS else train
        task = replace(task, classes=said.classes or tuple(sorted(seen.unique(), key=_natural)))
    return replace(task, class_weights=class_weights_of(said, task, train))


def _pair(negative: str | None, positive: str | None, seen: set[str]) -> tuple[str, str]:
    """(negative, positive) of a binary task; `` as negative stands for every other value."""
    if positive is not None:
        return (negative or "", positive)
    return next((pair for pair in PAIRS if seen <= set(pair)), PAIRS[0])


def _different(task: TaskEncoding, labels: pl.Series) -> int:
    """How many different labels there are; of tagging, how many tags in all of them."""
    codes, labelled = task.encode(labels)
    if task.kind == "tagging":
        return len(np.unique(task.learned(task.encode_list(labels)[0]).values))
    if task.kind in LISTS:
        return task.encode_list(labels)[0].lists().filter(pl.Series(labelled)).n_unique()
    return len(np.unique(codes[labelled]))


def _unfit(spec: Spec, target: Target, sides: Sequence[str]) -> str:
    """Why the task cannot be learned; empty if it can."""
    empty = [split for split in sides if not target.sizes[split]]
    if empty:
        return f"no label in {' and '.join(empty)}"
    if target.sizes["train"] < spec.encoding.min_labels:
        return f"{target.sizes['train']} labels in train"
    if _different(target.task, target.labels("train")) < 2:
        return f"one value only in train ({_shown(target)})"
    return ""


def _shown(target: Target) -> str:
    """The first label of train; of tagging its first tag."""
    label = target.labels("train")[0]
    if target.task.kind == "tagging":
        return str(label[0])
    return ", ".join(label) or "no label" if target.task.kind in LISTS else str(label)
