"""Which of the spec's tasks a trained one was made of, what inputs read, and what the plain rival is called."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mtl.evaluation.plain import plain_rival
from mtl.report.sections.trained_on import _reads, _recipe, spec_task
from mtl.spec import Model, TextInput, Training, VectorInput, parse_spec


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


@pytest.mark.parametrize(
    ("kinds", "plain"),
    [([], "boosted trees"), (["tabular", "vector"], "boosted trees"), (["text"], "TF-IDF with a linear model"),
     (["text", "tabular"], "boosted trees, or TF-IDF with a linear model")],
)  # fmt: skip
def test_the_plain_rival_is_called_what_it_is(kinds: list[str], plain: str) -> None:
    assert plain_rival({"inputs": {str(i): {"kind": kind} for i, kind in enumerate(kinds)}})[1] == plain


def test_what_a_text_and_a_vector_read() -> None:
    text = TextInput(source="s", kind="text", column="t", network="gru")
    assert _reads(text, {}) == "at most 8,000 tokens (bpe), gru"
    assert _reads(text, {"tokens": 512}) == "512 tokens (bpe), gru"
    assert _reads(VectorInput(source="s", kind="vector", column="v", size=1300), {}) == "1,300 numbers"
