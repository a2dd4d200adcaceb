"""Learning curves: the mean over tasks for both runs, and where each task alone was at its best."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from mtl.report.pictures.charts import Series, curves, histogram
from mtl.report.reading import Curve, Findings, Run
from mtl.report.words import number
from mtl.spec import Spec


def context(findings: Findings, spec: Spec) -> dict[str, Any] | str:
    if not findings.candidate.history:
        return "reports/training/candidate/history.csv is not there: the stage train has not run in this workspace."
    runs = [("This model", findings.candidate), ("Single-task networks", findings.single_task)]
    return {"charts": [_mean_chart(title, run) for title, run in runs if run.history], "peaks": _peaks(findings)}


def _mean_chart(title: str, run: Run) -> dict[str, Any]:
    mean, best = mean_curve(list(run.history.values())), _common_best(run)
    series = (Series("train", [(e, t) for e, t, _ in mean]), Series("valid", [(e, v) for e, _, v in mean]))
    if best is not None:
        kept = f"The weights of epoch {number(int(best))} were kept."
    else:
        kept = "Each task keeps the weights of its own best epoch; a task that has stopped counts on with its last loss."
    note = f"{kept} The model was then trained anew on train and valid, for as many epochs." if run.summary.get("refit") else kept
    return {
        "title": title,
        "svg": curves(f"{title}: mean loss over {len(run.history)} tasks", series, best, "mean loss"),
        "note": note,
    }


def _common_best(run: Run) -> float | None:
    """The epoch kept for all tasks, if it is one."""
    epochs = {run.best_epoch(task) for task in run.history}
    return epochs.pop() if len(epochs) == 1 else None


def mean_curve(all_curves: Sequence[Curve]) -> Curve:
    """Mean of both losses over tasks, epoch by epoch; a task that has stopped counts on with its last losses."""
    epochs = sorted({e for curve in all_curves for e, _, _ in curve})
    known = [{e: (t, v) for e, t, v in curve} for curve in all_curves]
    last: list[tuple[float, float]] = [(math.nan, math.nan)] * len(known)
    mean: Curve = []
    for epoch in epochs:
        last = [curve.get(epoch, before) for curve, before in zip(known, last)]
        mean.append((epoch, _mean([t for t, _ in last]), _mean([v for _, v in last])))
    return mean


def _mean(values: list[float]) -> float:
    finite = [v for v in values if math.isfinite(v)]
    return sum(finite) / len(finite) if finite else math.nan


def _peaks(findings: Findings) -> dict[str, Any] | None:
    """In which epoch each task's valid loss was lowest: far apart means one stopping point is a compromise."""
    lowest = [
        int(min((v, e) for e, _, v in curve if math.isfinite(v))[1])
        for curve in findings.candidate.history.values()
        if any(math.isfinite(v) for *_, v in curve)
    ]
    if len(lowest) < 2:
        return None
    svg = histogram("epoch of each task's lowest valid loss", Counter(lowest), "epoch", "tasks")
    return {"title": "Where each task was at its best", "svg": svg, "first": min(lowest), "last": max(lowest)}
