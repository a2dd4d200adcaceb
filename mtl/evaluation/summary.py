"""What the stage `evaluate` finds and writes: metrics.json, evaluation.json, plots/*.csv."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.evaluation.bootstrap import interval
from mtl.evaluation.calibration import calibration_curve, scatter
from mtl.evaluation.comparison import Comparison, as_json, compared
from mtl.evaluation.intervals import outermost, shares_below
from mtl.evaluation.metrics.quantile import median
from mtl.evaluation.metrics.tagging import by_type
from mtl.evaluation.plots import write_plots
from mtl.evaluation.scoring import OURS, Predictions, Scored, chosen, score_tasks
from mtl.evaluation.slices import Slice, slices_of
from mtl.evaluation.spread import spread_tells
from mtl.files import write_json
from mtl.layout import EVALUATION, METRICS, PLOTS
from mtl.spec import NUMBERS, Spec
from mtl.spec import metrics_of as metrics_of_kind

MODEL, SINGLE_TASK, TREES = OURS, "single_task", "trees"
TOO_FEW = "too few resamples with all classes or values for an interval"
DIGITS = 6
"""Significant digits in the files, so that the last bits of another machine's sums make no diff."""


@dataclass(frozen=True)
class Evaluated:
    """The contents of evaluation.json and metrics.json."""

    evaluation: dict[str, Any]
    metrics: dict[str, Any]

    def summary(self) -> str:
        """One line for the terminal."""
        tasks = self.metrics["tasks"].values()
        said = [task["verdict"] for task in tasks]
        counts = ", ".join(f"{said.count(v)} {v}" for v in ("better", "no worse", "worse", "cannot tell"))
        delta = self.metrics["delta_m"]
        mean = "undefined" if delta is None else f"{delta:+.1f} %"
        return f"{len(said)} tasks on {self.evaluation['rows_test']:,} test rows; against single-task {counts}; delta_m {mean}"


def evaluate(
    spec: Spec, encodings: Encodings, test: AlignedSet, predictions: Mapping[str, Predictions], spread: Predictions | None = None
) -> Evaluated:
    """Score the rivals of `predictions` ("model", "single_task", "trees" -> task -> all test rows) on test.

    `spread` (task -> an array as the model's predictions) is how far its members are apart, where it has any.
    Raises DataError on a prediction that is not finite.
    """
    tasks, settings = encodings.tasks, spec.evaluation
    truth, labelled, groups = test.truth(tasks), test.labels(tasks), groups_of(test.keys())
    slices = slices_of(test.slices(), settings.slices) if settings.slices else []
    cut = [(one, chosen(task, truth, labelled, predictions, groups=groups, within=one.mask)) for task in tasks for one in slices]
    kept = [(one, part) for one, part in cut if len(part.rows) >= settings.min_slice]
    scored = score_tasks(
        tasks, truth, labelled, predictions,
        resamples=settings.resamples, seed=settings.seed, groups=groups, also=[part for _, part in kept],
    )  # fmt: skip
    plain, parts = scored[: len(tasks)], [(one, part) for (one, _), part in zip(kept, scored[len(tasks) :])]
    left_out = {task.name: sum(0 < len(part.rows) < settings.min_slice and part.task is task for _, part in cut) for task in tasks}
    tells = {one.task.name: _spread_tells(one, spread) for one in plain}
    return _evaluated(spec, test.rows, plain, parts, left_out, tells)


def _spread_tells(one: Scored, spread: Predictions | None) -> dict[str, Any] | None:
    if not spread or one.task.name not in spread:
        return None
    own, apart = one.predicted[MODEL], spread[one.task.name][one.rows]
    if one.task.kind == "quantile":
        own, apart = (median(of, one.task.levels) for of in (own, apart))
    return spread_tells(one.task.kind, one.truth, own, apart)


def groups_of(keys: pl.DataFrame) -> np.ndarray[Any, Any] | None:
    """What is resampled whole: the split's groups [rows], a row without one on its own; None where there are none."""
    if not keys["group"].is_not_null().any():
        return None
    alone = pl.concat_str(pl.lit("\x1e"), pl.int_range(pl.len()).cast(pl.String))
    return keys.select(pl.coalesce(pl.concat_str("entity", "group", separator="\x1f"), alone)).to_series().to_numpy()


def _evaluated(
    spec: Spec,
    rows: int,
    plain: Sequence[Scored],
    parts: Sequence[tuple[Slice, Scored]],
    left_out: Mapping[str, int],
    tells: Mapping[str, dict[str, Any] | None],
) -> Evaluated:
    confidence, tolerance = spec.gate.confidence, spec.gate.tolerance
    rivals = list(dict.fromkeys(name for one in plain for name in one.predicted if name != MODEL))
    against = {rival: compared(plain, MODEL, rival, tolerance=tolerance, confidence=confidence) for rival in rivals}
    tasks = {
        one.task.name: _task_part(one, against, parts, confidence, left_out[one.task.name]) | {"spread": tells[one.task.name]}
        for one in plain
    }
    evaluation = {
        "rows_test": rows, "resamples": spec.evaluation.resamples, "confidence": confidence, "tolerance": tolerance, "tasks": tasks,
        "delta_m": _mean(against.get(SINGLE_TASK)), "delta_m_trees": _mean(against.get(TREES)),
    }  # fmt: skip
    rounded = _rounded(evaluation)
    return Evaluated(rounded, metrics_of(rounded))


def _mean(comparison: Comparison | None) -> dict[str, float | None]:
    mean = None if comparison is None else comparison.delta_m
    return {end: None if mean is None else getattr(mean, end) for end in ("value", "low", "high")}


def _task_part(
    one: Scored,
    against: Mapping[str, Comparison],
    parts: Sequence[tuple[Slice, Scored]],
    confidence: float,
    left_out: int,
) -> dict[str, Any]:
    """One task in evaluation.json."""
    task, own = one.task, one.predicted[MODEL]
    return {
        "kind": task.kind, "unit": task.unit, "metric": task.metric, "n_test": len(one.rows), "classes": list(task.classes),
        "metrics": {metric: _metric(one, metric, list(against), confidence) for metric in _headline_first(task)},
        "vs": {rival: as_json(comparison.tasks[task.name]) for rival, comparison in against.items()},
        "slices": [_slice(cut, part, confidence) for cut, part in parts if part.task is task], "slices_left_out": left_out,
        "calibration": calibration_curve(task.kind, one.truth, own),
        "scatter": scatter(one.truth, own) if task.kind in NUMBERS else None,
    } | _of_loss(one)  # fmt: skip


def _of_loss(one: Scored) -> dict[str, Any]:
    """What is told of quantiles instead of single numbers, of types of tags, and of a loss that moves probabilities on purpose."""
    task, own = one.task, one.predicted[MODEL]
    if task.kind == "quantile":
        return {
            "calibration": shares_below(one.truth, own, task.levels),
            "scatter": scatter(one.truth, median(own, task.levels)),
            "interval": outermost(one.truth, own, task.levels),
        }
    if task.kind == "tagging":
        return {"types": by_type(one.truth, own, task.types)}
    said = [*(["class weights"] if task.class_weights else []), *([f"focal loss (γ {task.focal:g})"] if task.focal else [])]
    return {"loss": " and ".join(said)} if said else {}


def _headline_first(task: TaskEncoding) -> list[str]:
    return [task.metric, *(metric for metric in metrics_of_kind(task.kind, task.spans) if metric != task.metric)]


def _metric(one: Scored, metric: str, rivals: Sequence[str], confidence: float) -> dict[str, Any]:
    """value, low, high, each rival's value; `undefined` says why one of them is null."""
    value = one.points[MODEL][metric]
    found: dict[str, Any] = {"value": value.value, **_ends(one, metric, confidence)}
    for rival in rivals:
        point = one.points.get(rival, {}).get(metric)
        found[rival] = None if point is None else point.value
    if value.value is None:
        found["undefined"] = value.reason
    elif found["low"] is None:
        found["undefined"] = TOO_FEW
    return found


def _ends(one: Scored, metric: str, confidence: float) -> dict[str, float | None]:
    value = one.points[MODEL][metric].value
    if value is None:
        return {"low": None, "high": None}
    ends = interval(one.draws[MODEL][metric], confidence, value)
    return {"low": ends.low, "high": ends.high}


def _slice(cut: Slice, part: Scored, confidence: float) -> dict[str, Any]:
    metric = part.task.metric
    rival = part.points.get(SINGLE_TASK, {}).get(metric)
    value = part.points[MODEL][metric]
    return {
        "column": cut.column, "band": cut.band, "n": len(part.rows), "value": value.value, **_ends(part, metric, confidence),
        "single_task": None if rival is None else rival.value,
    } | ({"undefined": value.reason} if value.value is None else {})  # fmt: skip


def metrics_of(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """The content of metrics.json from that of evaluation.json: scalars only, so that `dvc metrics` shows all."""
    tasks = {name: _headline(task) for name, task in evaluation["tasks"].items()}
    worse = [name for name, task in tasks.items() if task["verdict"] == "worse"]
    delta = evaluation["delta_m"]
    return {
        "tasks": tasks, "delta_m": delta["value"], "delta_m_low": delta["low"], "delta_m_high": delta["high"],
        "worse_than_single_task": len(worse), "worse_tasks": worse,
    }  # fmt: skip


def _headline(task: Mapping[str, Any]) -> dict[str, Any]:
    own = task["metrics"][task["metric"]]
    single, trees = task["vs"].get(SINGLE_TASK, {}), task["vs"].get(TREES, {})
    reason = own.get("undefined") or single.get("reason") or trees.get("reason")
    return {
        "kind": task["kind"], "metric": task["metric"], "value": own["value"], "ci_low": own["low"], "ci_high": own["high"],
        "n_test": task["n_test"], "single_task": own.get(SINGLE_TASK), "diff": single.get("diff"), "diff_low": single.get("low"),
        "diff_high": single.get("high"), "verdict": single.get("verdict"), "delta_pct": single.get("delta_pct"),
        "delta_low": single.get("delta_low"), "delta_high": single.get("delta_high"),
        "trees": own.get(TREES), "verdict_trees": trees.get("verdict"),
        "metrics": {metric: values["value"] for metric, values in task["metrics"].items() if metric != task["metric"]},
    } | ({"reason": reason} if reason else {})  # fmt: skip


def _rounded(data: Any) -> Any:
    if isinstance(data, float):
        return float(f"{data:.{DIGITS}g}")
    if isinstance(data, dict):
        return {key: _rounded(value) for key, value in data.items()}
    return [_rounded(value) for value in data] if isinstance(data, list) else data


def write_evaluation(done: Evaluated, root: Path = Path()) -> None:
    """Write reports/evaluation.json, reports/plots/ and, last, reports/metrics.json."""
    write_json(root / EVALUATION, done.evaluation)
    write_plots(root / PLOTS, done.evaluation)
    write_json(root / METRICS, done.metrics)
