"""Train in parts: networks learn on all but one of them, stop by valid as always, and are judged on the one they have not seen.

So the judge is neither what was learned from nor what early stopping has looked at, which would flatter those alternatives
most in which each task stops on its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mtl.data.aligned import AlignedSet
from mtl.data.dealing import UNIT, dealt_out

Rows = np.ndarray[Any, np.dtype[np.intp]]
HELD_OUT = 4
"""With one fold a quarter of train is held out."""


@dataclass(frozen=True)
class Fold:
    """What is learned from, what stops, what judges; units: of each judging row what must be resampled together, if anything;
    whole: all of train, which `learn` and `judge` are parts of."""

    learn: AlignedSet
    stop: AlignedSet
    judge: AlignedSet
    units: np.ndarray[Any, Any] | None
    whole: AlignedSet


def folds_of(train: AlignedSet, valid: AlignedSet, folds: int) -> list[Fold]:
    """`folds` ways to hold out a part of train, whole groups at a time; the same on every machine."""
    keys = train.keys()
    grouped = keys["group"].is_not_null().any()
    units = keys.select(unit=pl.concat_str("entity", UNIT, separator="\x1e"))
    parts = max(folds, HELD_OUT) if folds == 1 else folds
    part = dealt_out(units.with_columns(entity=pl.lit("")), parts, "choose").to_numpy()  # over all entities together
    found = []
    for fold in range(folds):
        here = np.flatnonzero(part == fold)
        groups = units["unit"].gather(here).to_numpy() if grouped else None
        found.append(Fold(rows_of(train, np.flatnonzero(part != fold)), valid, rows_of(train, here), groups, train))
    return found


def rows_of(rows: AlignedSet, at: Rows) -> AlignedSet:
    """Some rows of a set, in memory."""
    return rows.at(at)


def of_tasks(rows: AlignedSet, names: Sequence[str]) -> AlignedSet:
    """All rows of a set with the targets of some tasks."""
    at = [place for place, name in enumerate(rows.tasks) if name in names]
    tasks = tuple(rows.tasks[place] for place in at)
    lists = {name: of_task for name, of_task in rows.lists.items() if name in tasks}
    return AlignedSet(rows.inputs, rows.targets[:, at], rows.labelled[:, at], tasks, lists=lists)
