"""The forest plots: every task's delta to its single-task network and to its plain rival, with intervals."""

from __future__ import annotations

from typing import Any

from mtl.report.pictures.strips import axis_labels, axis_of, effect_strip
from mtl.report.reading import Findings
from mtl.report.sections.common import NO_EVALUATION, confidence, effect, tolerance, value_of, versus
from mtl.report.words import RIVALS, VERDICTS, percent, signed, signed_interval
from mtl.spec import Spec


def context(findings: Findings, spec: Spec) -> dict[str, Any] | str:
    if not findings.tasks:
        return NO_EVALUATION
    plots = [plot for rival in RIVALS if (plot := forest(findings, rival))]
    if not plots:
        return "reports/evaluation.json compares no task with a rival."
    return {
        "plots": plots,
        "verdicts": list(VERDICTS.values()),
        "tolerance": percent(tolerance(findings)),
        "confidence": confidence(findings),
        "many": len(findings.tasks) > 24,
    }


def forest(findings: Findings, rival: str) -> dict[str, Any] | None:
    """Rows of one forest plot, largest gain first, on one axis."""
    compared = {name: c for name, task in findings.tasks.items() if (c := versus(task, rival))}
    if not compared:
        return None
    effects = {name: effect(name, c, findings.rivals[rival]) for name, c in compared.items()}
    axis = axis_of(effects.values(), 100 * tolerance(findings))
    order = sorted(effects, key=lambda name: -(value_of(effects[name].value) or 0.0))
    rows = [
        {
            "task": name,
            "anchor": findings.anchor(name),
            "strip": effect_strip(effects[name], axis),
            "verdict": effects[name].verdict,
            "value": signed(effects[name].value),
            "interval": signed_interval(effects[name].low, effects[name].high),
        }
        for name in order
    ]
    return {"rival": findings.rivals[rival], "rows": rows, "labels": axis_labels(axis)}
