"""What a loss needs to know of train: how far counts scatter about their mean, and what a row of each class weighs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from mtl.data.encodings import TaskEncoding
from mtl.errors import SpecError
from mtl.spec import Task
from mtl.spec.losses import YES_NO


def dispersion_of(counts: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """The mean Poisson deviance of counts [n] from their own mean; 1 where they do not differ."""
    known = counts[counts > 0]
    if not len(known):
        return 1.0
    found = 2 * float((known * np.log(known / counts.mean())).sum()) / len(counts)
    return found if found > 1e-9 else 1.0


def class_weights_of(said: Task, task: TaskEncoding, train: pl.Series) -> tuple[float, ...]:
    """A weight for each of the task's classes; none where the spec weighs nothing.

    `balanced`: n / (k · n of the class), for k classes that train has, so that the mean over its rows is 1 (King & Zeng 2001;
    scikit-learn's word). A class that train never shows, or that the spec does not name, weighs 1.
    """
    asked = said.class_weights
    if asked is None:
        return ()
    if isinstance(asked, Mapping):
        by_class = {_place(task, label): weight for label, weight in asked.items()}
        return tuple(by_class.get(place, 1.0) for place in range(len(task.classes)))
    codes, labelled = task.encode(train)
    counts = np.bincount(codes[labelled].astype(np.intp), minlength=len(task.classes))
    whole = float(counts.sum()) / max(1, int(np.count_nonzero(counts)))
    each: list[int] = counts.tolist()
    return tuple(whole / count if count else 1.0 for count in each)


def check_weighed(of: str, said: Task, labels: pl.Series) -> None:
    """Raise SpecError for a weight of a label that neither the spec nor the data have; `labels`: of all splits."""
    if not isinstance(said.class_weights, Mapping) or said.classes or said.kind == "binary":
        return
    known = sorted(labels.drop_nulls().unique().cast(pl.String))
    strange = [label for label in said.class_weights if label not in known]
    if strange:
        raise SpecError(
            f"params.yaml, tasks.{of}.class_weights: {', '.join(map(repr, strange))}",
            expected=f"labels of column {said.column!r}: {', '.join(known[:10])}{', …' if len(known) > 10 else ''}",
            found="no row that has it", do="correct the label, or remove its weight",
        )  # fmt: skip


def _place(task: TaskEncoding, label: str) -> int | None:
    """The number of its class; None where this task (one of `for_each`) has no such class."""
    if label in task.classes:
        return task.classes.index(label)
    if task.kind == "binary" and label in YES_NO:  # the spec names no label, so that any spelling will do
        return YES_NO.index(label) % 2
    return None
