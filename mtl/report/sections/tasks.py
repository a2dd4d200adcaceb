"""Each task in detail: its curve, its calibration or predictions, all its metrics, its slices."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from mtl.report.pictures.charts import Series, curves, reliability, scatter
from mtl.report.pictures.strips import value_strip
from mtl.report.reading import Findings
from mtl.report.sections.common import NO_EVALUATION, confidence, headline, value_of, versus
from mtl.report.words import IN_UNIT, RIVALS, interval, metric, number, percent, signed, signed_interval, verdict
from mtl.spec import NUMBERS, OF_CLASSES, Spec

MOST_SLICES = 24
MOST_TYPES = 24
MOST_CLASSES = 24
CALIBRATED = {"binary": "", "multilabel": " of every class", "quantile": " of the quantiles"}
"""Kind of a task -> what its calibration is of, if not of the likeliest class."""


def context(findings: Findings, spec: Spec) -> dict[str, Any] | str:
    if not findings.tasks:
        return NO_EVALUATION
    return {
        "tasks": [_task(findings, name, task) for name, task in findings.detailed.items()],
        "left_out": len(findings.tasks) - len(findings.detailed),
        "confidence": confidence(findings),
        "few": len(findings.tasks) <= 3,
        "plain": findings.plain[0],
    }


def _task(findings: Findings, name: str, task: dict[str, Any]) -> dict[str, Any]:
    best = headline(task)
    unit = f" {task['unit']}" if task.get("metric") in IN_UNIT and task.get("unit") else ""
    return {
        "name": name,
        "anchor": findings.anchor(name),
        "kind": task.get("kind", ""),
        "unit": task.get("unit") or "",
        "n_test": number(task.get("n_test")),
        "metric": metric(task.get("metric")),
        "classes": (task.get("classes") or [])[:MOST_CLASSES],
        "all_classes": len(task.get("classes") or []),
        "value": number(best.get("value")) + unit,
        "verdict": verdict(versus(task, "single_task").get("verdict")),
        "versus": [_against(versus(task, rival), findings.rivals[rival]) for rival in RIVALS if versus(task, rival)],
        "pictures": [p for p in (_curve(findings, name), _calibration(name, task), _scatter(name, task)) if p],
        "metrics": [_metric(key, found, task) for key, found in (task.get("metrics") or {}).items()],
        "slices": _slices(name, task),
        "spread": _spread(task),
        "interval": _interval(task),
        "types": _types(task),
    }


def _types(task: dict[str, Any]) -> dict[str, Any] | None:
    """What spans are of, or tags, each with its count and its F1; those of most in test first."""
    found = sorted(task.get("types") or [], key=lambda one: -(one.get("true") or 0))
    if not found:
        return None
    rows = [{key: number(value) if key != "type" else value for key, value in one.items()} for one in found[:MOST_TYPES]]
    return {"rows": rows, "more": max(len(found) - MOST_TYPES, 0)}


def _interval(task: dict[str, Any]) -> dict[str, str] | None:
    """What the outermost interval of a quantile task promises and holds, and how wide it is."""
    found = task.get("interval")
    if not found:
        return None
    return {
        "levels": f"q{found.get('low'):g} to q{found.get('high'):g}",
        "promised": percent(found.get("promised"), 0),
        "inside": percent(found.get("inside")),
        "width": number(found.get("width")) + (f" {task['unit']}" if task.get("unit") else ""),
    }


def _spread(task: dict[str, Any]) -> dict[str, str] | None:
    """What the spread of the members tells of the error, in the task's unit or as a probability."""
    found = task.get("spread")
    if not found:
        return None
    unit = f" {task['unit']}" if task.get("kind") in NUMBERS and task.get("unit") else ""
    return {
        "least": number(found.get("error_least")) + unit,
        "most": number(found.get("error_most")) + unit,
        "correlation": signed(found.get("correlation"), 2),
        "error": "probability of another class" if task.get("kind") in OF_CLASSES else "absolute error",
    }


def _against(compared: dict[str, Any], rival: str) -> dict[str, Any]:
    return {
        "rival": rival,
        "verdict": verdict(compared.get("verdict")),
        "delta": signed(compared.get("delta_pct")),
        "interval": signed_interval(compared.get("delta_low"), compared.get("delta_high")),
        "diff": signed(compared.get("diff"), 3),
        "diff_interval": signed_interval(compared.get("low"), compared.get("high"), 3),
        "undefined": compared.get("reason") or "",
    }


def _curve(findings: Findings, name: str) -> dict[str, Any] | None:
    run = findings.candidate
    if name not in run.history:
        return None
    curve, alone = run.history[name], findings.single_task.history.get(name, [])
    series = [Series("alone", [(e, v) for e, _, v in alone])] if alone else []
    series += [Series("train", [(e, t) for e, t, _ in curve]), Series("valid", [(e, v) for e, _, v in curve])]
    keys = [("train", "train"), ("valid", "valid")] + ([("alone", "single-task, valid")] if alone else [])
    return {
        "title": "Learning curve",
        "svg": curves(f"{name}: loss over epochs", series, run.best_epoch(name)),
        "legend": keys,
        "note": "",
    }


def _calibration(name: str, task: dict[str, Any]) -> dict[str, Any] | None:
    found = task.get("calibration") or {}
    if not found.get("predicted"):
        return None
    of = CALIBRATED.get(str(task.get("kind")), " of the likeliest class")
    quantiles = task.get("kind") == "quantile"
    axis = ["level"] if quantiles else []
    svg = reliability(f"{name}: calibration", found["predicted"], found.get("observed") or [], found.get("count") or [], *axis)
    note = "On the diagonal, a predicted 30 % comes true 30 times in 100."
    moved = f" Learned with {task['loss']}, which moves probabilities on purpose." if task.get("loss") else ""
    return {
        "title": f"Calibration{of}",
        "svg": svg,
        "legend": [],
        "note": "On the diagonal, 30 of 100 truths lie below the quantile 0.3." if quantiles else note + moved,
    }


def _scatter(name: str, task: dict[str, Any]) -> dict[str, Any] | None:
    found = task.get("scatter") or {}
    if not found.get("predicted"):
        return None
    of = " (median)" if task.get("kind") == "quantile" else ""
    svg = scatter(f"{name}: predicted{of} against true", found["predicted"], found.get("true") or [], task.get("unit") or "")
    return {
        "title": f"Predicted{of} against true",
        "svg": svg,
        "legend": [],
        "note": f"{len(found['predicted'])} test rows; the diagonal is perfect.",
    }


def _metric(key: str, found: dict[str, Any], task: dict[str, Any]) -> dict[str, Any]:
    unit = f" ({task['unit']})" if key in IN_UNIT and task.get("unit") and task.get("kind") in NUMBERS else ""
    return {
        "name": metric(key) + unit,
        "headline": key == task.get("metric"),
        "value": number(found.get("value")),
        "interval": interval(found.get("low"), found.get("high")),
        "single_task": number(found.get("single_task")),
        "trees": number(found.get("trees")),
        "undefined": found.get("undefined") or "",
        "unknown": found.get("undefined") and found.get("value") is None,
    }


def _slices(name: str, task: dict[str, Any]) -> dict[str, Any] | None:
    """Slices with a dot picture each, on one range; the all-rows value comes first."""
    slices = (task.get("slices") or [])[:MOST_SLICES]
    if not slices:
        return None
    best = headline(task)
    overall = {
        "column": "",
        "band": "all test rows",
        "n": task.get("n_test"),
        **{k: best.get(k) for k in ("value", "low", "high", "single_task")},
    }
    rows = [overall, *slices]
    known = [v for row in rows for k in ("value", "low", "high", "single_task") if (v := value_of(row.get(k))) is not None]
    ends = (min(known), max(known)) if known and min(known) < max(known) else (0.0, 1.0)
    return {
        "rows": [_slice(name, row, ends) for row in rows],
        "metric": metric(task.get("metric")),
        "more": max(len(task.get("slices") or []) - MOST_SLICES, 0),
        "too_few": task.get("slices_left_out") or 0,
    }


def _slice(name: str, row: dict[str, Any], ends: tuple[float, float]) -> dict[str, Any]:
    value, low, high, alone = (value_of(row.get(k)) for k in ("value", "low", "high", "single_task"))
    said = f"{row.get('column') or ''} {row.get('band')}".strip()
    title = f"{name}, {said}: {number(value)} {interval(low, high)}, single-task {number(alone)}"
    strip = value_strip(value, low, high, alone, ends, title) if value is not None else Markup("")
    return {
        "column": row.get("column") or "",
        "band": row.get("band"),
        "n": number(row.get("n")),
        "strip": strip,
        "value": number(value),
        "interval": interval(low, high),
        "single_task": number(alone),
    }
