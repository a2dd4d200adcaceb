"""Gates: how much of the shared part each task takes in each layer (hybrid), or of each expert (mixtures of experts)."""

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
        used = findings.candidate.summary.get("sharing") or spec.model.sharing
        return f"There are no gates: hybrid and mixtures of experts learn them; this model's sharing is {used}."
    experts = list(findings.candidate.summary.get("gate_names") or [])
    names = experts or [f"layer {i + 1}" for i in range(max(len(layers) for layers in gates.values()))]
    order = sorted(gates, key=lambda task: -sum(value_of(g) or 0.0 for g in gates[task]) / len(gates[task]))
    return {
        "names": names,
        "experts": bool(experts),
        "many": len(gates) > 24,
        "rows": [
            {"task": t, "anchor": findings.anchor(t), "gates": [_gate(t, n, g, bool(experts)) for n, g in zip(names, gates[t])]}
            for t in order
        ],
    }


def _gate(task: str, name: str, gate: float | None, of_expert: bool) -> dict[str, Any]:
    gate = value_of(gate)
    title = f"{task}, {name}: {number(gate, 2)}{'' if of_expert else ' shared'}"
    return {"text": number(gate, 2), "bar": share_bar(gate or 0.0, title, "shared")}
