"""What `evaluate` writes: the shapes others rely on, honest nulls, the same bytes."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.evaluation.calibration import SCATTER_POINTS, calibration_curve, scatter
from mtl.evaluation.summary import Evaluated, evaluate, groups_of, metrics_of, write_evaluation
from mtl.evaluation.table import results_table
from mtl.layout import EVALUATION, METRICS, PLOTS
from mtl.spec import METRICS as METRICS_OF
from mtl.spec import NUMBERS, Spec, parse_spec

ROWS = 500
KINDS = ("regression", "binary", "multiclass", "ordinal", "count", "quantile")
HEADLINE_KEYS = {
    "kind", "metric", "value", "ci_low", "ci_high", "n_test", "single_task", "diff", "diff_low", "diff_high", "verdict",
    "delta_pct", "trees", "verdict_trees",
}  # fmt: skip


def a_spec(**evaluation: Any) -> Spec:
    return parse_spec({
        "name": "x", "entities": {"person": {"key": "id"}}, "sources": {"people": {"path": "people.csv"}},
        "inputs": {"person": {"source": "people", "kind": "tabular", "columns": {"age": {}}}},
        "tasks": {"y": {"source": "people", "column": "y", "kind": "regression"}},
        "encoding": {}, "model": {}, "training": {}, "gate": {},
        "evaluation": {"resamples": 200, "slices": {"gender": None, "age": [18, 40]}} | evaluation,
    })  # fmt: skip


def a_case(folder: Path, make_task: Any, sample: Any) -> tuple[Encodings, AlignedSet, dict[str, dict[str, Any]]]:
    """A task of each kind and one that has only one class in test, predicted by three rivals; the test set on disk."""
    random = np.random.default_rng(0)
    tasks = [*(make_task(kind, kind) for kind in KINDS), make_task("rash", "binary")]
    truth, rivals = {}, {rival: {} for rival in ("model", "single_task", "trees")}
    for task in tasks:
        truth[task.name], predicted = sample(task.kind, ROWS, random)
        for i, rival in enumerate(rivals.values()):
            noise = random.random(predicted.shape)
            rival[task.name] = predicted + i * noise if task.kind in NUMBERS else predicted * (1 - 0.1 * i) + 0.05 * i * noise
            if predicted.ndim == 2 and task.kind not in NUMBERS:
                rival[task.name] /= rival[task.name].sum(axis=1, keepdims=True)
    truth["rash"][:] = 0
    labelled = random.random((ROWS, len(tasks))) < 0.9
    targets = np.stack([truth[t.name] for t in tasks], axis=1).astype(np.float32)
    keys = pl.DataFrame(
        {"entity": ["person"] * ROWS, "key": [str(i) for i in range(ROWS)], "group": [None] * ROWS},
        schema_overrides={"group": pl.String},
    )
    slices = pl.DataFrame(
        {"gender": random.choice(["F", "M"], ROWS), "age": np.where(np.arange(ROWS) < 5, 90.0, random.uniform(0, 39, ROWS))}
    )
    AlignedSet({}, targets, labelled, tuple(t.name for t in tasks)).write(folder, keys, slices)
    return Encodings({}, tuple(tasks)), AlignedSet.read(folder), rivals


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, make_task: Any, sample: Any) -> Evaluated:
    return evaluate(a_spec(), *a_case(tmp_path_factory.mktemp("aligned") / "test", make_task, sample))


def test_metrics_json_is_as_the_design_says(done: Evaluated) -> None:
    metrics = done.metrics
    assert set(metrics) == {"tasks", "delta_m", "delta_m_low", "delta_m_high", "worse_than_single_task", "worse_tasks"}
    assert list(metrics["tasks"]) == [*KINDS, "rash"]
    for kind in KINDS:
        task = metrics["tasks"][kind]
        assert set(task) >= HEADLINE_KEYS
        assert task["ci_low"] <= task["value"] <= task["ci_high"]
        assert task["diff_low"] <= task["diff"] <= task["diff_high"]
        assert task["delta_low"] <= task["delta_pct"] <= task["delta_high"]
        assert set(task["metrics"]) == set(METRICS_OF[kind]) - {task["metric"]}
        assert all(isinstance(v, float | int | str | dict) for v in task.values())
    assert metrics["delta_m_low"] <= metrics["delta_m"] <= metrics["delta_m_high"]
    assert metrics["worse_than_single_task"] == len(metrics["worse_tasks"])


def test_what_is_undefined_is_null_with_a_reason(done: Evaluated) -> None:
    rash = done.metrics["tasks"]["rash"]
    assert (rash["value"], rash["ci_low"], rash["diff"], rash["delta_pct"]) == (None,) * 4
    assert rash["reason"] == "one class only in test"
    assert rash["verdict"] == "cannot tell"
    assert rash["metrics"]["accuracy"] is not None
    assert done.evaluation["tasks"]["rash"]["metrics"]["auc"]["undefined"] == "one class only in test"
    assert "NaN" not in json.dumps(done.evaluation)


def test_evaluation_json_has_every_part(done: Evaluated) -> None:
    evaluation = done.evaluation
    assert (evaluation["rows_test"], evaluation["resamples"], evaluation["confidence"], evaluation["tolerance"]) == (
        ROWS,
        200,
        0.95,
        0.02,
    )
    for name, task in evaluation["tasks"].items():
        assert next(iter(task["metrics"])) == task["metric"]
        assert set(task["vs"]) == {"single_task", "trees"}
        for metric in task["metrics"].values():
            assert set(metric) >= {"value", "low", "high", "single_task", "trees"}
        for against in task["vs"].values():
            assert set(against) >= {"diff", "low", "high", "delta_pct", "delta_low", "delta_high", "verdict"}
        assert (task["scatter"] is None) == (name not in NUMBERS)
        assert (task["calibration"] is None) == (name in ("regression", "count"))
        assert ("interval" in task) == (name == "quantile")
    assert set(evaluation["delta_m_trees"]) == {"value", "low", "high"}


def test_of_quantiles_it_is_told_what_lies_below_each_and_inside_the_outermost(done: Evaluated) -> None:
    task = done.evaluation["tasks"]["quantile"]
    assert task["calibration"]["predicted"] == [0.05, 0.5, 0.95]
    assert task["calibration"]["count"] == [task["n_test"]] * 3
    below, interval = task["calibration"]["observed"], task["interval"]
    assert below == sorted(below)
    assert interval["inside"] == pytest.approx(below[2] - below[0], abs=1e-5)
    assert abs(interval["inside"] - interval["promised"]) == pytest.approx(task["metrics"]["coverage_error"]["value"], abs=1e-5)
    assert interval["width"] > 0


def test_a_loss_that_moves_probabilities_is_named(make_task: Any, sample: Any, tmp_path: Path) -> None:
    encodings, test, rivals = a_case(tmp_path / "test", make_task, sample)
    asked = {"binary": {"class_weights": (1.0, 9.0), "focal": 2.0}, "multiclass": {"focal": 0.5}}
    tasks = tuple(replace(task, **asked.get(task.name, {})) for task in encodings.tasks)
    found = evaluate(a_spec(resamples=100), replace(encodings, tasks=tasks), test, rivals).evaluation["tasks"]
    said = {"binary": "class weights and focal loss (γ 2)", "multiclass": "focal loss (γ 0.5)"}
    assert {name: task["loss"] for name, task in found.items() if "loss" in task} == said


def test_slices_have_intervals_and_small_ones_are_counted(done: Evaluated) -> None:
    for name in KINDS:
        task = done.evaluation["tasks"][name]
        assert [(s["column"], s["band"]) for s in task["slices"]] == [
            ("gender", "F"),
            ("gender", "M"),
            ("age", "< 18"),
            ("age", "18–40"),
        ]
        assert task["slices_left_out"] == 1
        assert sum(s["n"] for s in task["slices"] if s["column"] == "gender") == task["n_test"]
        for one in task["slices"]:
            assert one["low"] <= one["value"] <= one["high"]
            assert one["single_task"] is not None


def test_the_same_bytes_again(tmp_path: Path, make_task: Any, sample: Any) -> None:
    written = []
    for at in ("one", "other"):
        write_evaluation(evaluate(a_spec(), *a_case(tmp_path / at / "test", make_task, sample)), tmp_path / at)
        files = [tmp_path / at / METRICS, tmp_path / at / EVALUATION, *sorted((tmp_path / at / PLOTS).iterdir())]
        written.append([(file.name, file.read_bytes()) for file in files])
    assert written[0] == written[1]
    assert [name for name, _ in written[0]] == [
        "metrics.json",
        "evaluation.json",
        "calibration.csv",
        "deltas.csv",
        "predictions.csv",
    ]


def test_plots_hold_what_the_evaluation_says(done: Evaluated, tmp_path: Path) -> None:
    write_evaluation(done, tmp_path)
    with (tmp_path / PLOTS / "deltas.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["task"] for row in rows] == [*KINDS, "rash"]
    assert float(rows[0]["delta"]) == done.metrics["tasks"]["regression"]["delta_pct"]
    assert rows[-1]["delta"] == ""
    with (tmp_path / PLOTS / "predictions.csv").open(encoding="utf-8") as file:
        assert sum(1 for _ in file) == 1 + sum(kind in NUMBERS for kind in KINDS) * SCATTER_POINTS
    with (tmp_path / PLOTS / "calibration.csv").open(encoding="utf-8") as file:
        counted = sum(int(row["count"]) for row in csv.DictReader(file) if row["task"] == "binary")
    assert counted == done.evaluation["tasks"]["binary"]["n_test"]


def test_other_rivals_may_be_missing(tmp_path: Path, make_task: Any, sample: Any) -> None:
    encodings, test, rivals = a_case(tmp_path / "test", make_task, sample)
    del rivals["trees"]
    del rivals["single_task"]["binary"]
    done = evaluate(a_spec(slices={}), encodings, test, rivals)
    assert done.metrics["tasks"]["regression"]["trees"] is None
    assert done.metrics["tasks"]["binary"]["single_task"] is None
    assert done.metrics["tasks"]["binary"]["verdict"] == "cannot tell"
    assert "no prediction" in done.metrics["tasks"]["binary"]["reason"]


def test_groups_are_per_entity_and_rows_without_one_stand_alone() -> None:
    keys = pl.DataFrame({"entity": ["a", "a", "b", "b", "b"], "key": list("12345"), "group": ["x", "x", "x", None, None]})
    groups = groups_of(keys)
    assert groups is not None
    assert len(set(groups)) == 4
    assert groups[0] == groups[1]
    assert groups_of(keys.with_columns(group=pl.lit(None, pl.String))) is None


def test_calibration_curve_of_a_calibrated_forecast() -> None:
    random = np.random.default_rng(1)
    said = random.random(5000)
    curve = calibration_curve("binary", (random.random(5000) < said).astype(np.float64), said)
    assert curve is not None
    assert sum(curve["count"]) == 5000
    np.testing.assert_allclose(curve["predicted"], curve["observed"], atol=0.07)
    assert calibration_curve("binary", np.zeros(0), np.zeros(0)) is None


def test_scatter_keeps_pairs() -> None:
    truth = np.arange(1000.0)
    points = scatter(truth, truth + 0.5)
    assert points is not None
    assert len(points["true"]) == SCATTER_POINTS
    np.testing.assert_array_equal(np.array(points["predicted"]) - 0.5, points["true"])
    assert scatter(truth[:7], truth[:7]) == {"predicted": truth[:7].tolist(), "true": truth[:7].tolist()}
    assert scatter(np.zeros(0), np.zeros(0)) is None


def text_of(metrics: dict[str, Any]) -> str:
    console = Console(width=160, file=io.StringIO(), record=True, color_system=None)
    console.print(results_table(metrics))
    return console.export_text()


def test_the_table_says_each_task(done: Evaluated) -> None:
    text = text_of(done.metrics)
    for name, task in done.metrics["tasks"].items():
        assert name in text
        assert task["verdict"] in text
    assert f"{len(KINDS) + 1} tasks against single-task" in text
    assert done.summary().startswith(f"{len(KINDS) + 1} tasks on 500 test rows")


def test_many_tasks_are_shortened_to_the_ends_and_no_worse_one_is_hidden(done: Evaluated) -> None:
    one = done.evaluation["tasks"]["regression"]
    tasks = {}
    for i in range(139):
        verdict = "worse" if i == 12 else "cannot tell"
        against = one["vs"]["single_task"] | {
            "delta_pct": float(i - 70),
            "delta_low": i - 80.0,
            "delta_high": i - 60.0,
            "verdict": verdict,
        }
        tasks[f"school[{i}]"] = one | {"vs": {"single_task": against}}
    text = text_of(metrics_of(done.evaluation | {"tasks": tasks}))
    assert "school[0]" in text
    assert "school[138]" in text
    assert "school[12]" in text
    assert "school[70]" not in text
    assert "122 more tasks" in text
    assert len(text.splitlines()) < 30


def test_the_table_of_nothing() -> None:
    assert "0 tasks" in text_of(metrics_of({"tasks": {}, "delta_m": {"value": None, "low": None, "high": None}}))
