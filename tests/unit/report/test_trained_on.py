"""Which of the spec's tasks a trained one was made of, what inputs read, and what the plain rival is called."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mtl.evaluation.plain import plain_rival
from mtl.report.sections.trained_on import _reads, _recipe, _seen, spec_task
from mtl.spec import AudioInput, ImageInput, Model, TextInput, Training, VectorInput, parse_spec


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


def test_it_is_said_how_often_a_tasks_labels_were_seen() -> None:
    seen = {"small": {"labels": 40, "an_epoch": 3.2, "to_best": 41.6}}
    findings = SimpleNamespace(candidate=SimpleNamespace(summary={"seen": seen}))
    assert _seen(findings, "small") == ["×3.20", "×42"]
    assert _seen(findings, "other") == ["", ""]


@pytest.mark.parametrize(("said", "shown"), [({}, None), ({"sampler": "temperature"}, "temperature (T = 5)")])
def test_a_sampler_is_told_where_it_is_not_the_plain_shuffle(said: dict[str, str], shown: str | None) -> None:
    findings = SimpleNamespace(choice={}, candidate=SimpleNamespace(summary={}))
    spec = SimpleNamespace(model=Model(), training=Training.model_validate(said))
    assert dict(_recipe(findings, spec)).get("Rows of a batch") == shown


@pytest.mark.parametrize(("members", "shown"), [(1, None), (8, "8, whose mean is predicted")])
def test_members_are_told_where_there_are_any(members: int, shown: str | None) -> None:
    findings = SimpleNamespace(choice={}, candidate=SimpleNamespace(summary={}))
    spec = SimpleNamespace(model=Model(members=members), training=Training())
    assert dict(_recipe(findings, spec)).get("Members") == shown


@pytest.mark.parametrize(
    ("kinds", "plain"),
    [([], "boosted trees"), (["tabular", "vector"], "boosted trees"), (["text"], "TF-IDF with a linear model"),
     (["text", "tabular"], "boosted trees, or TF-IDF with a linear model"), (["image"], "support vector machines on pixels"),
     (["image", "tabular"], "boosted trees, or support vector machines on pixels"),
     (["image", "audio"], "support vector machines on pixels, or MFCCs with a linear model")],
)  # fmt: skip
def test_the_plain_rival_is_called_what_it_is(kinds: list[str], plain: str) -> None:
    assert plain_rival({"inputs": {str(i): {"kind": kind} for i, kind in enumerate(kinds)}})[1] == plain


@pytest.mark.parametrize(
    ("tasks", "kinds", "heading", "sentence"),
    [(["retrieval"], ["image"], "neighbours", "nearest neighbours"),
     (["retrieval"], ["tabular"], "neighbours", "nearest neighbours"),
     (["multilabel"], ["image"], "trees", "boosted trees"), (["count", "quantile"], ["image"], "trees", "boosted trees"),
     (["count", "ordinal"], ["image"], "trees or SVM", "boosted trees, or support vector machines on pixels"),
     (["retrieval", "binary"], ["text"], "TF-IDF or neighbours", "TF-IDF with a linear model, or nearest neighbours"),
     (["binary", "regression"], ["tabular"], "trees", "boosted trees"),
     (["count"], ["audio"], "MFCCs", "MFCCs with a linear model"),
     (["tagging"], ["tokens", "image"], "linear tagger", "a linear model a token")],
)  # fmt: skip
def test_the_plain_rival_hangs_on_what_is_predicted(tasks: list[str], kinds: list[str], heading: str, sentence: str) -> None:
    said = {part: {str(i): {"kind": kind} for i, kind in enumerate(of)} for part, of in (("inputs", kinds), ("tasks", tasks))}
    assert plain_rival(said) == (heading, sentence)


def test_what_a_text_and_a_vector_read() -> None:
    text = TextInput(source="s", kind="text", column="t", network="gru")
    assert _reads(text, {}) == "at most 8,000 tokens (bpe), gru"
    assert _reads(text, {"tokens": 512}) == "512 tokens (bpe), gru"
    assert _reads(VectorInput(source="s", kind="vector", column="v", size=1300), {}) == "1,300 numbers"
    sound = AudioInput(source="s", kind="audio", column="a", rate=8000, network="crnn")
    assert _reads(sound, {"bands": 40}) == "40 bands of at most 10 s of sound, crnn"
    assert _reads(ImageInput(source="s", kind="image", column="p", size=(64, 48)), {}) == "pictures, 64 × 48 × 3, cnn"
