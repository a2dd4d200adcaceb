"""The section on cost: a figure that leaves something out says what."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from mtl.report.reading import Findings
from mtl.report.sections.cost import context
from mtl.spec import Spec


def row_of(seconds: dict[str, Any]) -> dict[str, Any]:
    findings = SimpleNamespace(cost={"train_seconds": seconds}, tasks={"risk": {}, "churn": {}})
    told = context(cast(Findings, findings), cast(Spec, None))
    assert isinstance(told, dict)
    (found,) = [row for row in told["rows"] if row["name"] == "Training"]
    return cast(dict[str, Any], found)


def test_tasks_taken_over_are_named_beside_the_seconds() -> None:
    row = row_of({"model": 12.0, "single_task": 48.0, "adopted": ["risk", "churn"]})
    assert row["model"] == "12.0 s"
    assert "risk, churn" in row["missing"]
    assert "single-task" in row["missing"]


def test_what_was_not_measured_says_so() -> None:
    assert "restored from the cache" in row_of({"single_task": 48.0})["missing"]
    assert row_of({"model": 12.0, "single_task": 48.0, "ratio": 0.25})["missing"] == ""
