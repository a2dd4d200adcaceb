"""Two versions of the registered model on the newest rows that neither was trained on, each with its own encodings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import TaskEncoding
from mtl.errors import MtlError
from mtl.evaluation.comparison import compare
from mtl.evaluation.summary import groups_of
from mtl.registry.contest import MIN_ROWS, Contestant, Rows, among, both_know, in_order, unlike
from mtl.registry.package import Predictions, entity_hashes
from mtl.spec import Spec

OLD, NEW = "the first", "the second"
THE_WORKSPACE = "the workspace"


@dataclass(frozen=True)
class Against:
    """One task of two versions: both figures of its metric, the difference in its unit (up: the second is better), the verdict of
    the second; None with a `reason` where they cannot be compared."""

    task: str
    metric: str
    old: float | None = None
    new: float | None = None
    diff: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: str = "cannot tell"
    reason: str = ""


@dataclass(frozen=True)
class _Rows:
    """Test rows that are new to both."""

    keys: pl.DataFrame
    truth: Mapping[str, Any]
    labelled: Mapping[str, Any]


@dataclass(frozen=True)
class _Side:
    """A version, its name in a sentence, and its tasks by name."""

    model: Contestant
    name: str

    @property
    def tasks(self) -> dict[str, TaskEncoding]:
        return {task.name: task for task in self.model.encodings.tasks}


def versus(
    spec: Spec, test: AlignedSet, tasks: Sequence[TaskEncoding], old: Contestant, new: Contestant, rows: Rows
) -> tuple[int, list[Against]]:
    """How many rows of `test` are new to both, and each task that one of the versions has, in the workspace's words (`tasks`).

    tasks: those of the workspace's encodings, which `test` was made with; rows as in `contest`.
    """
    sides = _Side(old, OLD), _Side(new, NEW)
    there = [task for task in tasks if any(task.name in side.tasks for side in sides)]
    fresh = _fresh(test, there, sides)
    why = {task.name: _why_not(task, sides, fresh) for task in there}
    able = [task for task in there if not why[task.name]]
    found = _figures(spec, able, fresh, sides, rows) if able else {}
    told = [found.get(task.name) or Against(task.name, task.metric, reason=why[task.name]) for task in there]
    known = {task.name for task in there}
    gone = {name: task for side in sides for name, task in side.tasks.items() if name not in known}
    return fresh.keys.height, told + [Against(n, t.metric, reason="the workspace has no such task") for n, t in gone.items()]


def _fresh(test: AlignedSet, tasks: Sequence[TaskEncoding], sides: Sequence[_Side]) -> _Rows:
    keys = test.keys()
    hashes = entity_hashes(keys)
    new = ~np.isin(hashes, np.concatenate([side.model.trained_on() for side in sides]))
    truth, labelled = test.truth(tasks), test.labels(tasks)
    for task in tasks:
        if task.kind == "retrieval" and all(task.name in side.tasks for side in sides):
            labelled[task.name] = labelled[task.name] & _known(task, sides)[truth[task.name].astype(np.intp)]
    return _Rows(keys.filter(new), {n: v[new] for n, v in truth.items()}, {n: v[new] for n, v in labelled.items()})


def _known(task: TaskEncoding, sides: Sequence[_Side]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """bool [identities]: which of the workspace's both versions know."""
    known: np.ndarray[Any, np.dtype[np.bool_]] = np.logical_and.reduce([both_know(task, side.tasks[task.name]) for side in sides])
    return known


def _why_not(task: TaskEncoding, sides: Sequence[_Side], fresh: _Rows) -> str:
    for side in sides:
        theirs = side.tasks.get(task.name)
        if theirs is None:
            return f"{side.name} has no such task"
        if reason := unlike(task, theirs, THE_WORKSPACE, side.name):
            return reason
    labels = int(fresh.labelled[task.name].sum())
    return "" if labels >= MIN_ROWS else f"{labels} labels on the rows that neither was trained on; {MIN_ROWS} are needed"


def _figures(spec: Spec, tasks: Sequence[TaskEncoding], fresh: _Rows, sides: tuple[_Side, _Side], rows: Rows) -> dict[str, Against]:
    said: list[Predictions] = []
    for side in sides:
        try:
            raw = fresh.keys.select("entity", "key").join(
                rows(spec, side.model.encodings), on=["entity", "key"], how="left", maintain_order="left"
            )  # fmt: skip
        except (MtlError, pl.exceptions.PolarsError, KeyError, FileNotFoundError):
            reason = f"{side.name} reads columns that the validated tables no longer have"
            return {task.name: Against(task.name, task.metric, reason=reason) for task in tasks}
        values = side.model.predictions(raw)
        said.append({task.name: _as_ours(values[task.name], task, side, sides) for task in tasks})
    done = compare(
        tasks, fresh.truth, fresh.labelled, said[1], said[0], tolerance=spec.gate.tolerance, confidence=spec.gate.confidence,
        resamples=spec.evaluation.resamples, seed=spec.evaluation.seed, groups=groups_of(fresh.keys),
    ).tasks  # fmt: skip
    return {
        name: Against(name, one.metric, one.rival, one.ours, one.diff, one.low, one.high, one.verdict, one.reason)
        for name, one in done.items()
    }


def _as_ours(values: Any, task: TaskEncoding, side: _Side, sides: Sequence[_Side]) -> Any:
    """What a version said, in the workspace's order of classes."""
    theirs = side.tasks[task.name]
    return among(values, theirs, task, _known(task, sides)) if task.kind == "retrieval" else in_order(values, task, theirs)
