"""`sharing: auto`: the decision, and every alternative that was tried, with its figures from held-out parts of train."""

from __future__ import annotations

from typing import Any

from mtl.report.reading import Findings
from mtl.report.sections.common import value_of
from mtl.report.words import count_of, number, signed
from mtl.spec import Spec

MOST_NAMED = 6
"""Tasks that are named in a cell; of more only the number is told."""


def context(findings: Findings, spec: Spec) -> dict[str, Any] | str:
    choice = findings.choice
    if not choice:
        return "reports/choice.json is not there: the stage choose has not run in this workspace."
    if choice.get("asked") != "auto":
        return f"The spec says how tasks share ({choice.get('sharing')}); with sharing: auto it is found out."
    alternatives = sorted(choice.get("alternatives") or [], key=lambda row: -(value_of(row.get("score")) or 0.0))
    tasks = list(choice.get("tasks") or [])
    return {
        "why": choice.get("why") or "",
        "budget": choice.get("budget") or {},
        "rows": [_row(row, tasks) for row in alternatives],
        "tasks": [_task(findings, name, alternatives) for name in tasks] if len(alternatives) > 1 else [],
        "many": len(tasks) > 24,
        "weights": _heavier(choice, alternatives),
    }


def _heavier(choice: dict[str, Any], alternatives: list[dict[str, Any]]) -> dict[str, float]:
    """λ of the tasks whose loss was made heavier."""
    chosen = next((row for row in alternatives if row.get("chosen")), {})
    return {name: weight for name, weight in (choice.get("weights") or {}).items() if name in (chosen.get("heavier") or [])}


def _row(row: dict[str, Any], tasks: list[str]) -> dict[str, Any]:
    error = value_of(row.get("error"))
    return {
        "what": described(row, tasks),
        "networks": row.get("networks"),
        "score": signed(row.get("score"), 2),
        "error": "" if error is None else f"± {number(error, 2)}",
        "hurt": named(list(row.get("hurt") or [])),
        "chosen": bool(row.get("chosen")),
    }


def described(row: dict[str, Any], tasks: list[str]) -> str:
    """An alternative in words."""
    alone, groups = list(row.get("alone") or []), [list(group) for group in row.get("groups") or []]
    if len(alone) == len(tasks):
        return "each task alone"
    sharing = str(row.get("sharing", "")).replace("_", " ")
    heavier = list(row.get("heavier") or [])
    more = f", heavier loss for {named(heavier)}" if heavier else ""
    shared = [group for group in groups if len(group) > 1]
    if not shared:
        return f"all together, {sharing}{more}"
    if len(shared) == 1:
        return f"{named(alone)} alone, the other {count_of(len(shared[0]), 'task')} together{more}"
    parts = " | ".join(named(group) for group in shared)
    return f"groups: {parts}{'; alone: ' + named(alone) if alone else ''}{more}"


def named(names: list[str]) -> str:
    """A few names, or how many they are."""
    return ", ".join(names) if len(names) <= MOST_NAMED else count_of(len(names), "task")


def _task(findings: Findings, name: str, alternatives: list[dict[str, Any]]) -> dict[str, Any]:
    """What one task gained all together, and in the choice."""
    together = next((row for row in alternatives if _is_plain(row)), {})
    chosen = next((row for row in alternatives if row.get("chosen")), {})
    return {
        "task": name,
        "anchor": findings.anchor(name),
        "together": _gain((together.get("tasks") or {}).get(name)),
        "chosen": "alone" if name in (chosen.get("alone") or []) else _gain((chosen.get("tasks") or {}).get(name)),
        "hurt": name in (together.get("hurt") or []),
    }


def _is_plain(row: dict[str, Any]) -> bool:
    """Whether an alternative is all tasks on one trunk, their losses weighing as the spec says."""
    return row.get("networks") == 1 and row.get("sharing") == "shared_bottom" and not row.get("heavier")


def _gain(gain: dict[str, Any] | None) -> str:
    if not gain:
        return "–"
    return f"{signed(gain.get('value', gain.get('likely')), 1)} % ± {number(gain.get('error', gain.get('doubt')), 1)}"
