"""The hybrid's gates: how much of the shared part each task takes in each layer."""

from __future__ import annotations

from typing import Any

from mtl.report.pictures.strips import share_bar
from mtl.report.reading import Findings
from mtl.report.sections.common import value_of
from mtl.report.words import number
from mtl.spec import Spec


def context(findings: Findings, spec: Spec) -> dict[str, Any] | str:
    gates = {task: list(layers) for task, layers in (findings.candidate.summary.get("gates") or {}).items() if layers}
    if not gates:
        return f"There are no gates: they are learned by sharing: hybrid; this model's sharing is {spec.model.sharing}."
    order = sorted(gates, key=lambda task: -sum(value_of(g) or 0.0 for g in gates[task]) / len(gates[task]))
    return {
        "layers": max(len(layers) for layers in gates.values()),
        "many": len(gates) > 24,
        "rows": [
            {"task": t, "anchor": findings.anchor(t), "gates": [_gate(t, i, value_of(g)) for i, g in enumerate(gates[t])]}
            for t in order
        ],
    }


def _gate(task: str, layer: int, gate: float | None) -> dict[str, Any]:
    title = f"{task}, layer {layer + 1}: {number(gate, 2)} shared"
    return {"text": number(gate, 2), "bar": share_bar(gate or 0.0, title, "shared")}
