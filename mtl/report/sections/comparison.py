"""The table of tasks: metric, value with interval, both rivals, verdicts."""

from __future__ import annotations

from typing import Any

from mtl.report.reading import Findings
from mtl.report.sections.common import NO_EVALUATION, confidence, headline, versus
from mtl.report.words import IN_UNIT, interval, is_number, metric, number, signed, signed_interval, verdict
from mtl.spec import Spec


def context(findings: Findings, spec: Spec) -> dict[str, Any] | str:
    if not findings.tasks:
        return NO_EVALUATION
    rows = [_row(findings, name, task) for name, task in findings.tasks.items()]
    return {"rows": rows, "confidence": confidence(findings), "many": len(rows) > 24, "plain": findings.plain[0]}


def _row(findings: Findings, name: str, task: dict[str, Any]) -> dict[str, Any]:
    best, alone, trees = headline(task), versus(task, "single_task"), versus(task, "trees")
    unit = f" ({task.get('unit')})" if task.get("metric") in IN_UNIT and task.get("unit") else ""
    return {
        "task": name,
        "anchor": findings.anchor(name),
        "metric": metric(task.get("metric")) + unit,
        "n_test": _cell(task.get("n_test")),
        "value": _cell(best.get("value")),
        "interval": interval(best.get("low"), best.get("high")),
        "undefined": best.get("undefined") or "",
        "single_task": _cell(best.get("single_task")),
        "trees": _cell(best.get("trees")),
        "alone": _against(alone),
        "against_trees": _against(trees),
    }


def _cell(value: Any) -> dict[str, Any]:
    """What a cell says, and what the table is sorted by."""
    return {"text": number(value), "sort": value if is_number(value) else ""}


def _against(compared: dict[str, Any]) -> dict[str, Any]:
    delta = compared.get("delta_pct")
    return {
        "delta": signed(delta),
        "sort": delta if is_number(delta) else "",
        "interval": signed_interval(compared.get("delta_low"), compared.get("delta_high")),
        "verdict": verdict(compared.get("verdict")),
    }
