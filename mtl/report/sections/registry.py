"""What the registry decided, rule by rule, and how the candidate did against the champion."""

from __future__ import annotations

from typing import Any

from mtl.report.pictures.strips import Effect, axis_labels, axis_of, effect_strip
from mtl.report.reading import Findings
from mtl.report.sections.common import value_of
from mtl.report.sections.decision import versions
from mtl.report.words import signed, signed_interval, verdict
from mtl.spec import Spec

DECISIONS = {
    "promoted": "It was promoted: the alias champion points to it.",
    "rejected": "It was rejected: the alias champion stays where it was.",
    "not_asked": "The registry was not asked, so nothing in it has changed.",
}


def context(findings: Findings, spec: Spec) -> dict[str, Any] | str:
    found = findings.registration
    if not found:
        return "reports/registration.json is not there: the stage register has not run in this workspace."
    rules = found.get("rules") or []
    return {
        "versions": versions(found),
        "model": found.get("model") or "",
        "said": DECISIONS.get(str(found.get("decision")), ""),
        "reasons": found.get("reasons") or [],
        "failed": [_rule(findings, r) for r in rules if not r.get("passed")],
        "passed": [_rule(findings, r) for r in rules if r.get("passed")],
        "champion": _champion(findings, found.get("vs_champion") or {}),
    }


def _rule(findings: Findings, rule: dict[str, Any]) -> dict[str, Any]:
    task = rule.get("task") or ""
    return {
        "rule": rule.get("rule"),
        "task": task,
        "anchor": findings.anchor(task) if task else "",
        "detail": rule.get("detail") or "",
    }


def _champion(findings: Findings, compared: dict[str, Any]) -> dict[str, Any] | None:
    """A forest plot of the differences to the champion, in each task's own metric."""
    if not compared:
        return None
    effects = {task: _effect(task, c or {}) for task, c in compared.items()}
    axis = axis_of(effects.values(), 0.0)
    order = sorted(effects, key=lambda task: -(effects[task].value or 0.0))
    rows = [
        {
            "task": t,
            "anchor": findings.anchor(t),
            "strip": effect_strip(effects[t], axis),
            "verdict": effects[t].verdict,
            "value": signed(effects[t].value, 3),
            "interval": signed_interval(effects[t].low, effects[t].high, 3),
        }
        for t in order
    ]
    return {"rows": rows, "labels": axis_labels(axis, unit=""), "many": len(rows) > 24}


def _effect(task: str, compared: dict[str, Any]) -> Effect:
    value, low, high = (value_of(compared.get(k)) for k in ("diff", "low", "high"))
    stands = verdict(compared.get("verdict"))
    return Effect(
        value, low, high, stands, f"{task} against the champion: {signed(value, 3)} {signed_interval(low, high, 3)}, {stands.name}"
    )
