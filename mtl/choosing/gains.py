"""Gain of each task over standing alone, in percent of the loss it has alone, with its error; and what noise leaves of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtl.choosing.folds import Fold
from mtl.data.encodings import TaskEncoding
from mtl.evaluation.metrics import loss_form, needed_for
from mtl.evaluation.scoring import Predictions, Scored, score_tasks

Array = np.ndarray[Any, np.dtype[np.float64]]
RESAMPLES = 200
UNKNOWN = 1e3
"""Error, in percent, of a task that no fold can judge: nothing is known of it but what the others say."""
LEAST_TASKS = 4
"""With fewer tasks their spread says nothing about how far to trust each."""


@dataclass(frozen=True)
class Gain:
    """Of one task in one alternative, percent, up is better.

    folds: the gain on each fold, NaN where the metric is undefined there; value ± error: what was measured; likely ± doubt:
    what noise leaves of it (`shrunk`). loss, alone: the two losses behind it, mean over folds.
    """

    folds: tuple[float, ...]
    value: float
    error: float
    likely: float
    doubt: float
    loss: float | None
    alone: float | None

    @property
    def hurt(self) -> bool:
        """Clearly worse than alone: by more than its doubt."""
        return self.likely + self.doubt < 0


def gains_of(
    tasks: Sequence[TaskEncoding], folds: Sequence[Fold], ours: Sequence[Predictions], alone: Sequence[Predictions], seed: int
) -> dict[str, Gain]:
    """Task → its gain; `ours` and `alone` are predictions of the judging rows of each fold.

    The error is the larger of two: the bootstrap's over judging rows, which knows nothing of the luck of a training, and
    that of the mean over folds, which has few folds to speak from.
    """
    scored = [_scored(tasks, *of_fold, seed) for of_fold in zip(folds, ours, alone, strict=True)]
    parts = {task.name: [_part(of_fold[place]) for of_fold in scored] for place, task in enumerate(tasks)}
    measured = {name: _measured(of_task) for name, of_task in parts.items()}
    likely, found = shrunk(measured), {}
    for name, of_task in parts.items():
        known = [part for part in of_task if part is not None]
        losses = [float(np.mean([part[i] for part in known])) if known else None for i in (2, 3)]
        by_fold = tuple(math.nan if part is None else part[0] for part in of_task)
        found[name] = Gain(by_fold, *measured[name], *likely[name], *losses)
    return found


Part = tuple[float, float, float, float]
"""Of one task on one fold: gain in percent, its bootstrap error, our loss, the loss alone."""


def _measured(parts: Sequence[Part | None]) -> tuple[float, float]:
    """Mean gain over folds, and its error."""
    known = [part for part in parts if part is not None]
    if not known:
        return 0.0, UNKNOWN
    values = np.array([part[0] for part in known])
    spread = float(values.var(ddof=1)) / len(known) if len(known) > 2 else 0.0
    drawn = sum(part[1] ** 2 for part in known) / len(known) ** 2
    return float(values.mean()), math.sqrt(max(drawn, spread, 1e-12))


def _scored(tasks: Sequence[TaskEncoding], fold: Fold, ours: Predictions, alone: Predictions, seed: int) -> list[Scored]:
    wanted = {task.name: needed_for(task.metric) for task in tasks}
    truth, labelled = fold.judge.truth(tasks), fold.judge.labels(tasks)
    return score_tasks(
        tasks, truth, labelled, {"ours": ours, "alone": alone}, resamples=RESAMPLES, seed=seed, groups=fold.units, wanted=wanted
    )


def _part(one: Scored) -> Part | None:
    """None where the metric is undefined."""
    metric, losses = one.task.metric, {}
    for side in ("ours", "alone"):
        values = {m: np.asarray(v.value) for m, v in one.points[side].items() if v.value is not None}
        if not needed_for(metric) <= values.keys():
            return None
        losses[side] = float(loss_form(metric, values))
    if losses["alone"] <= 0:
        return None
    draws = loss_form(metric, one.draws["alone"]) - loss_form(metric, one.draws["ours"])
    known, share = draws[np.isfinite(draws)], 100 / losses["alone"]
    error = float(known.std()) * share if len(known) > 1 else 0.0
    return (losses["alone"] - losses["ours"]) * share, error, losses["ours"], losses["alone"]


def shrunk(measured: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Name → (likely gain, its doubt) from (measured gain, its error).

    Empirical Bayes: gains of the tasks scatter around a common mean with a variance τ² that is found from them
    (DerSimonian & Laird 1986); each is drawn to that mean by how much of its own scatter noise explains. With 139 noisy
    tasks none stands out by luck; with a clear effect nothing changes.
    """
    values, errors = (np.array([pair[i] for pair in measured.values()]) for i in (0, 1))
    if len(measured) < LEAST_TASKS:
        return dict(measured)
    square = errors**2
    w = 1 / square
    mean = float((w * values).sum() / w.sum())
    excess = float((w * (values - mean) ** 2).sum()) - (len(values) - 1)
    between = max(0.0, excess / float(w.sum() - (w**2).sum() / w.sum()))
    w = 1 / (square + between)
    mean = float((w * values).sum() / w.sum())
    own = between / (between + square)
    likely = mean + own * (values - mean)
    doubt = np.sqrt(own * square + (1 - own) ** 2 / w.sum())
    return {name: (float(a), float(b)) for name, a, b in zip(measured, likely, doubt, strict=True)}
