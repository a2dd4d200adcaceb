"""Which of the spec's tasks a trained one was made of."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mtl.report.sections.trained_on import _recipe, spec_task
from mtl.spec import Model, Training, parse_spec


def test_the_task_that_a_value_was_made_a_task_of() -> None:
    """`risky_a` begins like `risk` and is none of its values; the longest name counts."""
    made = {"source": "people", "kind": "regression", "for_each": {"column": "school"}}
    tasks = {name: {**made, "column": name} for name in ("risk", "risky", "risk_long")}
    spec = parse_spec({
        "name": "s", "entities": {"p": {"key": "id"}}, "sources": {"people": {"path": "p.csv"}},
        "inputs": {"facts": {"source": "people", "columns": {"x": {}}}}, "tasks": tasks,
        "encoding": {}, "model": {}, "training": {}, "evaluation": {}, "gate": {},
    })  # fmt: skip
    found = {name: spec_task(spec, name) for name in ("risk_a", "risky_a", "risk_long_a", "risk", "other")}
    assert {name: task and task.column for name, task in found.items()} == {
        "risk_a": "risk", "risky_a": "risky", "risk_long_a": "risk_long", "risk": "risk", "other": None,
    }  # fmt: skip


@pytest.mark.parametrize(("balancing", "shown"), [("uncertainty", True), ("fixed", True), ("equal", False)])
def test_the_weights_of_the_losses_are_told_where_they_differ(balancing: str, shown: bool) -> None:
    findings = SimpleNamespace(choice={}, candidate=SimpleNamespace(summary={"parameters": 10, "weights": {"a": 0.5, "b": 2.25}}))
    spec = SimpleNamespace(model=Model(), training=Training(balancing=balancing))
    told = dict(_recipe(findings, spec))
    assert any(text == "b 2.25, a 0.50" for text in told.values()) == shown
