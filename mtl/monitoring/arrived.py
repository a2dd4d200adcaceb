"""The profile of a batch, by the bins and values of the champion's reference profile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from mtl.data.keys import key_expr
from mtl.errors import DataError
from mtl.monitoring.asked import Asked, ask
from mtl.monitoring.cells import counted_like, labels, tasks_of
from mtl.monitoring.parts import Numbers, Part, Presence
from mtl.monitoring.profile import Profile
from mtl.monitoring.reference import chosen, rows_asked
from mtl.registry.package import Package
from mtl.serving.batch import OTHER_SPEC, Batch, rows_of
from mtl.spec import Spec

TIMES = 5
"""A batch's predictions are of so many times the rows of the reference's, at most."""


def batch_profile(root: Path, spec: Spec, package: Package, reference: Profile, batch: Batch) -> tuple[Profile, list[str]]:
    """What is counted of the batch's kept rows; and in words what was not compared, and why."""
    source, kept, entity = batch.source, batch.kept, spec.entities[spec.entity_of(batch.source)]
    keys = kept.select(key_expr(entity)).to_series()
    sample = replace(batch, kept=kept.filter(chosen(keys, TIMES * rows_asked(package))))
    rows = rows_of(root, spec, package.encodings, sample)
    found = Profile()
    for column in kept.columns:
        like = reference.columns.get(f"{source}.{column}")
        if like is not None:
            _one_kind(source, kept[column], like)
            found.columns[f"{source}.{column}"] = counted_like(kept[column], like)
    for task, columns in tasks_of(spec, package.encodings, source):
        like = reference.labels.get(task.name)
        if like is not None and set(columns) <= set(kept.columns):
            found.labels[task.name] = labels(task, [kept[column] for column in columns], like)
    asked = ask(package, spec.entity_of(source), rows)
    return found, _of_the_model(spec, reference, asked, source, found)


def _one_kind(source: str, cells: pl.Series, like: Part) -> None:
    """Raises DataError for a column that was numbers and is none any more."""
    if isinstance(like, Numbers) and not (cells.dtype.is_numeric() or cells.dtype == pl.Boolean or cells.dtype == pl.Null):
        raise DataError(
            f"column {cells.name!r} of source {source!r}", expected="numbers, as in the champion's reference profile",
            found=f"{cells.dtype}, as params.yaml now has it", do=OTHER_SPEC,
        )  # fmt: skip


def _of_the_model(spec: Spec, reference: Profile, asked: Asked, source: str, found: Profile) -> list[str]:
    """What the model makes of the rows goes into `found`; notes on what does not."""
    known = reference.predictions.get(source, {})
    if not known:
        return [f"the reference has no predictions for {source}: what the model makes of these rows is not compared"]
    if not len(asked.keys):
        return ["no row has an input that the champion reads: its predictions are not compared"]
    rows = np.ones(len(asked.keys), np.bool_)
    found.inputs[source] = asked.inputs(rows)
    found.embeddings[source] = asked.embeddings(source)
    lacking = _lacking(spec, reference, asked, source, found.inputs[source])
    tasks = [task for task in asked.tasks if task.name in known]
    blind = [task for task in tasks if not lacking.keys().isdisjoint(task.inputs)]
    found.predictions[source] = {task.name: asked.task(task, rows, known[task.name]) for task in tasks if task not in blind}
    if not blind:
        return []
    alone = {task.name: part for task in blind if (part := reference.alone.get(source, {}).get(task.name)) is not None}
    found.alone[source] = asked.alone(source, alone) if alone else {}
    why, left_out = "; ".join(lacking.values()), [task.name for task in blind if task.name not in alone]
    notes = [f"predictions are compared as of {source} alone, here and in the reference: {why}"] if alone else []
    if left_out:
        notes.append(f"predictions are not compared of {', '.join(left_out)}, which {source} alone says nothing of: {why}")
    return notes


def _lacking(spec: Spec, reference: Profile, asked: Asked, source: str, now: dict[str, Presence]) -> dict[str, str]:
    """Inputs from other sources that more rows lack than the reference's did, since these do not know the batch's keys yet: what
    is predicted without them is another thing, and no news about this source."""
    limit, inputs, found = spec.operations.monitor.drift.nulls, asked.package.encodings.inputs, {}
    for name, one in now.items():
        theirs, before = inputs[name].sources[asked.entity], reference.inputs[source].get(name)
        if theirs == source or before is None:
            continue
        shares = [part.nulls / max(1, part.rows) for part in (before, one)]
        if shares[1] - shares[0] > limit:
            found[name] = f"source {theirs!r} does not know {shares[1]:.0%} of these rows ({shares[0]:.0%} in the reference)"
    return found
