"""What several sections need to know of a task."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mtl.report.pictures.strips import Effect
from mtl.report.reading import Findings
from mtl.report.words import is_number, number, percent, signed, signed_interval, verdict

NO_EVALUATION = "reports/evaluation.json is not there: the stage evaluate has not run in this workspace."


def value_of(value: Any) -> float | None:
    return float(value) if is_number(value) else None


def versus(task: dict[str, Any], rival: str) -> dict[str, Any]:
    """The comparison of a task with a rival; empty where there is none."""
    return (task.get("vs") or {}).get(rival) or {}


def headline(task: dict[str, Any]) -> dict[str, Any]:
    """The task's headline metric: value, interval and what the rivals reached."""
    return (task.get("metrics") or {}).get(task.get("metric")) or {}


def effect(name: str, compared: dict[str, Any], rival: str) -> Effect:
    """A task's delta in percent to a rival of this name, ready to be drawn."""
    value, low, high = (value_of(compared.get(k)) for k in ("delta_pct", "delta_low", "delta_high"))
    stands = verdict(compared.get("verdict"))
    title = f"{name} against {rival}: {signed(value)} % {signed_interval(low, high)}, {stands.name}"
    return Effect(value, low, high, stands, title)


def verdict_counts(findings: Findings, rival: str) -> dict[str, int]:
    """Verdict -> how many tasks have it against `rival`; empty where nothing was compared."""
    return dict(Counter(verdict(c.get("verdict")).name for t in findings.tasks.values() if (c := versus(t, rival))))


def tolerance(findings: Findings) -> float:
    """The gate's tolerance as a share, 0 where it is not known."""
    return value_of(findings.evaluation.get("tolerance")) or 0.0


def confidence(findings: Findings) -> str:
    share = value_of(findings.evaluation.get("confidence"))
    return percent(share if share is not None else 0.95, 0)


def figure(value: Any, unit: str = "") -> str:
    """A number with its unit, if it has one."""
    return f"{number(value)} {unit}".strip() if is_number(value) else number(value)
