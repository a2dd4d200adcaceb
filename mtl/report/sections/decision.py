"""The headline: decision, mean gain, and how many tasks stand where."""

from __future__ import annotations

from typing import Any

from mtl.report.pictures.strips import verdict_bar
from mtl.report.reading import Findings, clean
from mtl.report.sections.common import confidence, tolerance, verdict_counts
from mtl.report.words import RIVALS, VERDICTS, is_number, percent
from mtl.spec import Spec

BANNERS = {
    "promoted": ("good", "Promoted", "This model is the champion now."),
    "rejected": ("bad", "Rejected", "This model was registered as a candidate; the champion stays what it was."),
    "not_asked": ("neutral", "Registry not asked", "This run touched no registry."),
}
NO_DECISION = (
    "neutral",
    "No decision",
    "reports/registration.json is not there: the stage register has not run in this workspace.",
)


def context(findings: Findings, spec: Spec) -> dict[str, Any]:
    found = findings.registration
    css, title, sentence = BANNERS.get(str(found.get("decision")), NO_DECISION)
    return {
        "name": clean(spec.name),
        "css": css,
        "title": title,
        "sentence": sentence,
        "reasons": found.get("reasons") or [],
        "versions": versions(found),
        "gains": _gains(findings),
        "counts": [_counts(findings, rival) for rival in RIVALS if verdict_counts(findings, rival)],
        "verdicts": list(VERDICTS.values()),
        "tolerance": percent(tolerance(findings)),
        "confidence": confidence(findings),
        "tasks": len(findings.tasks),
        "plain": findings.plain[1],
        "rows_test": findings.evaluation.get("rows_test"),
        "parameters": (findings.cost.get("parameters") or {}).get("ratio"),
    }


def versions(found: dict[str, Any]) -> str:
    """Which version this is, and which was champion before."""
    version, before = found.get("version"), found.get("champion_before")
    if version is None:
        return ""
    if before is None:
        return f"version {version}, no champion before"
    return f"version {version}, " + ("champion already" if before == version else f"champion before: version {before}")


def _gains(findings: Findings) -> list[dict[str, Any]]:
    """The mean delta over tasks against each rival, with its interval."""
    flat = findings.metrics
    mean = findings.evaluation.get("delta_m") or {
        "value": flat.get("delta_m"),
        "low": flat.get("delta_m_low"),
        "high": flat.get("delta_m_high"),
    }
    both = (("single_task", mean), ("trees", findings.evaluation.get("delta_m_trees") or {}))
    return [{"rival": findings.rivals[rival], "id": rival, **gain} for rival, gain in both if is_number(gain.get("value"))]


def _counts(findings: Findings, rival: str) -> dict[str, Any]:
    counts = verdict_counts(findings, rival)
    said = ", ".join(f"{counts.get(name, 0)} {name}" for name in VERDICTS)
    named = findings.rivals[rival]
    return {"rival": named, "counts": counts, "bar": verdict_bar(counts, f"against {named}: {said}")}
