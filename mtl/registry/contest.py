"""Candidate against champion on the newest rows that the champion never trained on, each with its own encodings.

Identities of a retrieval task come and go with the rows of train: both models are asked which it is of those that both know,
on the rows of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.errors import MtlError
from mtl.evaluation.comparison import compare
from mtl.evaluation.summary import groups_of
from mtl.registry.package import Predictions, entity_hashes
from mtl.spec import Spec

MIN_ROWS = 30
"""Fresh rows, and labels of a task on them, below which nothing is said."""

Rows = Callable[[Spec, Encodings], pl.DataFrame]
"""Raw validated rows of the test entities (entity, key, columns), as a model with these encodings reads them."""
Compared = dict[str, dict[str, Any]]
"""Task -> diff, low, high, verdict, and a reason where there is no figure."""


class Contestant(Protocol):
    """A model that can be asked; `Package` is one."""

    @property
    def encodings(self) -> Encodings: ...
    def predictions(self, frame: pl.DataFrame) -> Predictions: ...
    def trained_on(self) -> np.ndarray[Any, np.dtype[np.uint64]]: ...


@dataclass(frozen=True)
class _Fresh:
    """The test rows that are new to the champion."""

    keys: pl.DataFrame
    mask: np.ndarray[Any, np.dtype[np.bool_]]
    truth: Mapping[str, np.ndarray[Any, Any]]
    labelled: Mapping[str, np.ndarray[Any, np.dtype[np.bool_]]]


def contest(spec: Spec, test: AlignedSet, candidate: Contestant, champion: Contestant, rows: Rows) -> Compared:
    """Each task of the champion's that the spec still has; `cannot tell` with the reason where they cannot be compared.

    One that the candidate could not learn and dropped is `worse`: whoever asks for it would lose it.
    """
    tasks = candidate.encodings.tasks
    theirs = {task.name: task for task in champion.encodings.tasks}
    other = {t.name: reason for t in tasks if t.name in theirs and (reason := unlike(t, theirs[t.name]))}
    shared = [task for task in tasks if task.name in theirs and task.name not in other]
    fresh = _fresh(test, candidate.encodings, champion)
    few = {task.name: reason for task in shared if (reason := _too_few(fresh, task))}
    able = [task for task in shared if task.name not in few]
    compared = _compared(spec, able, fresh, candidate, champion, rows)
    reasons = other | few
    lost = [t.name for t in champion.encodings.tasks if t.of in spec.tasks and t.name not in {own.name for own in tasks}]
    both = {t.name: compared.get(t.name) or _cannot_tell(reasons[t.name]) for t in tasks if t.name in theirs}
    return both | {name: _cannot_tell("the candidate has no such task: it was dropped") | {"verdict": "worse"} for name in lost}


def _fresh(test: AlignedSet, encodings: Encodings, champion: Contestant) -> _Fresh:
    keys, theirs = test.keys(), {task.name: task for task in champion.encodings.tasks}
    mask = ~np.isin(entity_hashes(keys), champion.trained_on())
    truth, labelled = test.truth(encodings.tasks), test.labels(encodings.tasks)
    for task in encodings.tasks:
        if task.name in theirs and task.kind == theirs[task.name].kind == "retrieval":
            labelled[task.name] = labelled[task.name] & both_know(task, theirs[task.name])[truth[task.name].astype(np.intp)]
    return _Fresh(keys.filter(mask), mask, {n: v[mask] for n, v in truth.items()}, {n: v[mask] for n, v in labelled.items()})


def unlike(ours: TaskEncoding, theirs: TaskEncoding, us: str = "the candidate", they: str = "the champion") -> str:
    """Why two tasks of one name are not the same question; empty if they are."""
    for what in ("kind", "column", "unit", "spans"):
        if getattr(ours, what) != getattr(theirs, what):
            return f"{they}'s {what} of it is {getattr(theirs, what)!r}, {us}'s {getattr(ours, what)!r}"
    if ours.levels != theirs.levels:
        return f"{they} predicts other quantiles of it"
    if ours.kind == "retrieval":
        return ""
    same = ours.classes[1:] == theirs.classes[1:] if ours.kind == "binary" else set(ours.classes) == set(theirs.classes)
    return "" if same else f"{they} knows other classes of it"


def _too_few(fresh: _Fresh, task: TaskEncoding) -> str:
    labels = int(fresh.labelled[task.name].sum())
    if labels >= MIN_ROWS:
        return ""
    of, who = (" of an identity that the champion knows", "it") if task.kind == "retrieval" else ("", "the champion")
    return f"{labels} labels{of} on the {fresh.keys.height} test rows that {who} never trained on; {MIN_ROWS} are needed"


def _cannot_tell(reason: str) -> dict[str, Any]:
    return {"diff": None, "low": None, "high": None, "verdict": "cannot tell", "reason": reason}


def _compared(
    spec: Spec, tasks: Sequence[TaskEncoding], fresh: _Fresh, candidate: Contestant, champion: Contestant, rows: Rows
) -> Compared:
    if not tasks:
        return {}
    try:
        raw = _raw(spec, champion, fresh, rows)
    except (MtlError, pl.exceptions.PolarsError, KeyError, FileNotFoundError):
        reason = "the champion reads columns that the validated tables no longer have"
        return {task.name: _cannot_tell(reason) for task in tasks}
    rival, mine = champion.predictions(raw), candidate.predictions(_raw(spec, candidate, fresh, rows))
    theirs = {task.name: task for task in champion.encodings.tasks}
    done = compare(
        tasks, fresh.truth, fresh.labelled,
        mine | {t.name: among(mine[t.name], t, t, both_know(t, theirs[t.name])) for t in tasks if t.kind == "retrieval"},
        {task.name: in_order(rival[task.name], task, theirs[task.name]) for task in tasks},
        tolerance=spec.gate.tolerance, confidence=spec.gate.confidence, resamples=spec.evaluation.resamples,
        seed=spec.evaluation.seed, groups=groups_of(fresh.keys),
    )  # fmt: skip
    figures = ("diff", "low", "high", "verdict")
    return {
        name: {key: getattr(one, key) for key in figures} | ({"reason": one.reason} if one.reason else {})
        for name, one in done.tasks.items()
    }


def _raw(spec: Spec, model: Contestant, fresh: _Fresh, rows: Rows) -> pl.DataFrame:
    """What a model reads of the fresh rows, in their order."""
    keys = fresh.keys.select("entity", "key")
    return keys.join(rows(spec, model.encodings), on=["entity", "key"], how="left", maintain_order="left")


def in_order(values: Any, ours: TaskEncoding, theirs: TaskEncoding) -> Any:
    """Their probabilities [n, classes] in our order of classes; quantiles are in that of their levels."""
    if ours.kind == "tagging":
        return ours.truth(ours.encode_list(theirs.tags_of(values))[0])
    if ours.kind == "retrieval":
        return among(values, theirs, ours, both_know(ours, theirs))
    if values.ndim == 1:
        return values
    return values[:, [theirs.parts.index(part) for part in ours.parts]]


def both_know(ours: TaskEncoding, theirs: TaskEncoding) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """bool [identities of ours]: which of them are theirs too."""
    return np.isin(ours.classes, theirs.classes)


def among(values: Any, of: TaskEncoding, ours: TaskEncoding, known: np.ndarray[Any, np.dtype[np.bool_]]) -> Any:
    """What the model of `of` says [n, identities], in our order of them; 0 for those that are not `known` [identities]."""
    at = {name: place for place, name in enumerate(of.classes)}
    found = np.zeros((len(values), len(known)))
    found[:, known] = values[:, [at[name] for name, one in zip(ours.classes, known, strict=True) if one]]
    return found
