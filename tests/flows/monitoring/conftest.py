"""A workspace of real rows (NHANES) whose champion was registered with its reference profile, in a real registry."""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mtl import layout
from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.files import write_json
from mtl.registry.gate import Rule
from mtl.registry.package import write_package
from mtl.registry.quiet import quiet
from mtl.spec import read_spec

RAW = Path(__file__).parents[3] / "data" / "raw"
PARAMS = """\
name: watched
entities: {respondent: {key: respondent_id}}
sources:
  people: {path: people.csv, null_values: ["", "Don't Know"]}
  laboratory: {path: laboratory.csv}
  questionnaire: {path: questionnaire.csv}
inputs:
  person:
    source: people
    columns:
      age: {kind: numeric, min: 0, max: 80}
      gender: {kind: categorical, values: [Female, Male]}
      race_ethnicity: {kind: categorical}
      bmi: {kind: numeric, min: 8, max: 120}
      income_poverty_ratio: {kind: numeric, min: 0, max: 5}
      sleep_hours: {kind: numeric, min: 0, max: 24}
  metals: {source: laboratory, columns: {blood_lead_ugdl: {kind: numeric, min: 0, max: 200}}}
tasks:
  hba1c: {source: laboratory, column: hba1c, kind: regression, min: 2, max: 25, unit: "%"}
  diabetes: {source: questionnaire, column: diabetes, kind: binary, positive: "1", negative: "0"}
encoding: {}
model: {width: 8, depth: 1, dropout: 0}
training: {}
evaluation: {resamples: 100}
gate: {no_worse_than: [single_task]}
"""
NOT_HERE = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV", "MTL_FLOW_RUN")
STAGES = [*((stage, s) for s in ("people", "laboratory", "questionnaire") for stage in ("ingest", "validate")),
          ("split",), ("encode",), ("align",)]  # fmt: skip


def run(stage: str, *arguments: str) -> str:
    """A stage in this process, in the working directory."""
    return str(import_module(f"mtl.stages.{stage}").run(*arguments))


def people(rows: int, seed: int) -> pl.DataFrame:
    """Real rows as they came, resampled; each once."""
    return pl.read_csv(RAW / "people.csv", infer_schema=False).sample(rows, seed=seed)


def pack(root: Path) -> None:
    """A candidate with random weights, and metrics by which the gate lets it pass."""
    import torch

    from mtl.network.network import build_network

    spec, encodings = read_spec(root / "params.yaml"), Encodings.read(root / layout.ENCODINGS)
    torch.manual_seed(1)
    network = build_network(encodings, spec.model)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2.0)  # fresh weights predict nearly a constant
    seen = pl.read_parquet(root / layout.SPLIT).filter(pl.col("split") != "test").select("entity", "key")
    write_package(
        root / layout.CANDIDATE, spec, encodings, network, AlignedSet.read(root / layout.ALIGNED / "valid").golden(), seen
    )
    one = {"metric": "r2", "value": 0.5, "single_task": 0.5, "diff": 0.0, "diff_low": 0.0, "diff_high": 0.0, "verdict": "no worse"}
    write_json(root / layout.METRICS, {"tasks": {task.name: one for task in encodings.tasks}})


@pytest.fixture(scope="session")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Never change it: `watched` is a copy."""
    root = tmp_path_factory.mktemp("watched") / "work"
    root.mkdir()
    for source in ("people", "laboratory", "questionnaire"):
        shutil.copyfile(RAW / f"{source}.csv", root / f"{source}.csv")
    (root / "params.yaml").write_text(PARAMS)
    write_json(root / layout.PROFILE, {})
    quiet()
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(root)
        for name in NOT_HERE:
            patched.delenv(name, raising=False)
        patched.setattr("mtl.registry.register.golden_trial", _passed)
        for stage in STAGES:
            run(*stage)
        pack(root)
        run("register")
    return root


def _passed(*_: Any) -> Rule:
    return Rule("golden rows in a fresh process", True, "as packed")


@pytest.fixture
def watched(champion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the workspace, and the working directory in it."""
    from mlflow.tracking._tracking_service import utils

    utils._artifact_repos_cache.clear()  # by a model's id, which is the same in every copy: no process but a test's has two
    root = tmp_path / "work"
    shutil.copytree(champion, root)
    monkeypatch.chdir(root)
    for name in NOT_HERE:
        monkeypatch.delenv(name, raising=False)
    return root
