"""A whole project of counts, quantiles and rare classes: from bad labels in a table to the report and the packed model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mtl.data.encodings import Encodings
from mtl.files import read_json
from mtl.layout import CANDIDATE, ENCODINGS, EVALUATION, METRICS, REPORT, VALIDATION
from mtl.registry.package import read_package

PARAMS = """
name: small
entities:
  person: {key: id, split: {train: 0.6, valid: 0.2, test: 0.2, seed: 1}}
sources:
  people: {path: people.csv}
  visits: {path: visits.csv}
inputs:
  facts: {source: people, columns: {age: {}, height: {}, city: {kind: categorical}}}
tasks:
  visits: {source: visits, column: visits, kind: count, max: 500}
  nights: {source: visits, column: nights, kind: count, distribution: negative_binomial, unit: nights}
  wait: {source: visits, column: wait, kind: quantile, levels: [0.1, 0.5, 0.9], unit: min}
  ill: {source: visits, column: ill, kind: binary, positive: "yes", class_weights: balanced}
  ward: {source: visits, column: ward, kind: multiclass, focal: 2, class_weights: {c: 3}}
encoding: {}
model: {sharing: shared_bottom, width: 16, depth: 2, dropout: 0.1, members: 2}
training: {lr: 1e-2, batch_size: 64, max_epochs: 8, patience: 8, refit: true}
evaluation: {resamples: 200, slices: {city: null}}
gate: {tolerance: 0.1}
"""


def visits(rows: int = 900) -> pl.DataFrame:
    """All follow `age`; the first two visits are no counts."""
    people, random = pl.read_csv("people.csv"), np.random.default_rng(0)
    age = (people["age"].to_numpy() - 54) / 20
    labels = {
        "visits": random.poisson(np.exp(0.5 + age)).astype(object),
        "nights": random.negative_binomial(1, 1 / (1 + np.exp(1 + age))),
        "wait": (30 + 10 * age + random.normal(0, 1 + np.exp(age), rows)).round(2),
        "ill": np.where(age + random.normal(0, 0.5, rows) > 1.7, "yes", "no"),
        "ward": np.where(age > 1.5, "c", random.choice(["a", "b"], rows)),
    }
    labels["visits"][:2] = [-1, 2.5]
    return people.select("id").with_columns(pl.Series(name, [str(v) for v in of]) for name, of in labels.items())


@pytest.fixture
def done(project: Path, stage: Callable[..., str]) -> Path:
    visits().write_csv("visits.csv")
    Path("params.yaml").write_text(PARAMS)
    for source in ("people", "visits"):
        stage("ingest", source)
        stage("validate", source)
    for name in ("split", "encode", "align", "train", "baseline", "trees", "evaluate", "report"):
        stage(name)
    return project


def test_from_the_table_to_the_report(done: Path) -> None:
    labels = read_json(VALIDATION / "visits.json")["labels"]
    assert {name: of["quarantined"] for name, of in labels.items()} == {"visits": 2, "nights": 0, "wait": 0, "ill": 0, "ward": 0}
    metrics, evaluation = read_json(METRICS)["tasks"], read_json(EVALUATION)["tasks"]
    assert [task["metric"] for task in metrics.values()] == ["d2", "d2", "pinball", "auc", "accuracy"]
    assert metrics["visits"]["value"] > 0.2
    assert metrics["ill"]["value"] > 0.8
    assert all(task["verdict"] and task["trees"] is not None for task in metrics.values())
    assert 0.5 < evaluation["wait"]["interval"]["inside"] < 1
    assert evaluation["wait"]["spread"] is not None
    page = REPORT.read_text(encoding="utf-8")
    for said in (
        "D²",
        "pinball loss (min)",
        "interval of q0.1 to q0.9 should hold 80 %",
        "Learned with class weights",
        "γ 2",
        "then anew on train and valid",
        "was then trained anew on train and valid",
    ):
        assert said in page, said

    encodings = Encodings.read(ENCODINGS)
    of = {task.name: task for task in encodings.tasks}
    assert of["visits"].dispersion > 1
    assert of["ill"].class_weights[1] > 3 * of["ill"].class_weights[0]
    assert (of["ward"].class_weights, of["ward"].focal) == ((1, 1, 3), 2)

    package = read_package(CANDIDATE)
    said = package.predict(package.golden())
    assert [name for name in said.columns if name.startswith("wait")] == [
        "wait",
        "wait.q0.1",
        "wait.q0.5",
        "wait.q0.9",
        "wait_spread",
    ]
    assert (said["wait"] == said["wait.q0.5"]).all()
    assert (said["wait.q0.1"] < said["wait.q0.9"]).all()
    assert (said["nights"] > 0).all()
