"""Counting the columns and labels of a source's rows, wherever these come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from mtl.data.contract.columns import roots_of
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.monitoring import told
from mtl.monitoring.parts import TOP, Categories, Numbers, Part, Presence
from mtl.spec import Spec

KINDS: dict[str, type[Part]] = {"numeric": Numbers, "categorical": Categories, "label": Categories}
"""Kind of a column in its validation profile (`mtl.data.contract.profile`) -> what is counted; of others whether they are there."""


def counted(cells: pl.Series, kind: type[Part]) -> Part:
    """A column's cells, with bins or values of their own; `kind` Presence: a column of whether they are missing.

    Of values that hardly any two rows share, free texts say, only that is counted too.
    """
    if kind is Numbers:
        return Numbers.of(cells.cast(pl.Float64).to_numpy())
    if kind is Presence:
        return Presence.of(cells.cast(pl.Boolean).to_numpy())
    there = cells.drop_nulls()
    apart = there.n_unique() > max(TOP, len(there) // 2)
    return Presence.of(cells.is_null().to_numpy()) if apart else Categories.of(cells)


def counted_like(cells: pl.Series, like: Part) -> Part:
    """The same by the bins or values of `like`; cells as they are, of whatever kind."""
    if isinstance(like, Numbers):
        return Numbers.of(cells.cast(pl.Float64).to_numpy(), like.edges)
    return Categories.of(cells, like.values) if isinstance(like, Categories) else Presence.of(cells.is_null().to_numpy())


def columns_of(spec: Spec, encodings: Encodings, source: str, profile: dict[str, Any]) -> dict[str, type[Part]]:
    """The columns of a source that are watched -> what is counted of them.

    `profile`: its validation profile, which leaves out keys and dates. Columns that are only a task's target are watched as its
    labels; those that only the split is made by, groups say, are others in every batch, as keys are.
    """
    read = {column for one in encodings.inputs.values() if source in one.sources.values() for column in one.columns}
    targets = {task.column for task in spec.tasks.values() if task.source == source}
    left_out = (targets | _split_by(spec, spec.entity_of(source))) - read
    return {c: KINDS.get(said["kind"], Presence) for c, said in profile["columns"].items() if c not in left_out}


def _split_by(spec: Spec, entity: str) -> set[str]:
    split = spec.entities[entity].split
    named = {column for column in (split.by, split.time, split.column) if column}
    return named | set(roots_of(split.test, f"entities.{entity}.split.test") if isinstance(split.test, str) else ())


def tasks_of(spec: Spec, encodings: Encodings, source: str) -> Iterator[tuple[TaskEncoding, list[str]]]:
    """The model's tasks whose labels the source has, and the columns that these are in: the target, and `for_each`'s."""
    for task in encodings.tasks:
        said = spec.tasks.get(task.of)
        if said is not None and (said.source, said.column) == (source, task.column):
            yield task, [task.column, *([said.for_each.column] if said.for_each else [])]


def labels(task: TaskEncoding, cells: list[pl.Series], like: Part | None = None) -> Part:
    """The labels of a task, of cells in the columns that `tasks_of` names."""
    target, *value = cells
    mine = target if not value else target.filter((value[0].cast(pl.String) == task.value).fill_null(False))
    return told.count(told.labels(task, mine), like)
