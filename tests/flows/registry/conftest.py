"""A workspace as it stands before `register`: two tasks, a packed candidate, its metrics, its test rows."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mtl import layout
from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.data.inputs.tabular import CategoricalColumn, NumericColumn, TabularEncoding
from mtl.files import write_json
from mtl.registry.gate import Rule
from mtl.registry.package import Package, read_package, write_package
from mtl.registry.quiet import quiet
from mtl.registry.register import register
from mtl.registry.registration import Registration
from mtl.spec import Spec, parse_spec, read_spec

PARAMS = """\
name: people_model
entities: {person: {key: id}}
sources: {people: {path: data/raw/people.csv}}
inputs: {person: {source: people, kind: tabular, columns: {age: {kind: numeric}, colour: {kind: categorical}}}}
tasks:
  height: {source: people, column: height, kind: regression, unit: cm}
  asthma: {source: people, column: asthma, kind: binary, positive: "yes"}
encoding: {}
model: {width: 8, depth: 1, dropout: 0}
training: {}
evaluation: {resamples: 200}
gate: {}
"""
LOCK = """\
schema: '2.0'
stages:
  ingest@people:
    cmd: mtl ingest people
    deps:
    - path: data/raw/people.csv
      hash: md5
      md5: 0123456789abcdef0123456789abcdef
      size: 12
"""
ROWS, TRAINED = 160, 40
"""Test rows, and golden ones; all of other keys than the trained ones."""
AGE, COLOUR = NumericColumn("age", "age", 40.0, 20.0), CategoricalColumn("colour", "colour", ("blue", "red"))
ENCODINGS = Encodings(
    {"person": TabularEncoding("person", {"person": "people"}, (AGE,), (COLOUR,))},
    (
        TaskEncoding("height", "height", "regression", "person", "people", "height", ("person",), "r2", "cm", mean=170, std=10),
        TaskEncoding("asthma", "asthma", "binary", "person", "people", "asthma", ("person",), "auc", classes=("no", "yes")),
    ),
)


def people(keys: range) -> pl.DataFrame:
    """Raw rows; some ages and colours are missing."""
    random = np.random.default_rng(keys.start)
    age = [None if i % 11 == 0 else float(a) for i, a in enumerate(random.integers(1, 90, len(keys)))]
    colour = [(None, "red", "blue", "green")[i] for i in random.integers(0, 4, len(keys))]
    return pl.DataFrame(
        {"entity": "person", "key": [str(k) for k in keys], "age": age, "colour": colour},
        schema={"entity": pl.String, "key": pl.String, "age": pl.Float64, "colour": pl.String},
    )


TEST, GOLDEN, SEEN = people(range(1000, 1000 + ROWS)), people(range(500, 540)), people(range(TRAINED))


def raw_rows(spec: Spec, encodings: Encodings) -> pl.DataFrame:
    """What the stage gives: test rows as these encodings read them."""
    return TEST.select("entity", "key", *encodings.names)


def pack(folder: Path, spec: Spec, seed: int, encodings: Encodings = ENCODINGS, seen: pl.DataFrame = SEEN) -> Package:
    """A network with the random weights of `seed`, packed."""
    import torch

    from mtl.network.network import build_network

    torch.manual_seed(seed)
    network = build_network(encodings, spec.model)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3.0)  # fresh weights predict nearly a constant
    write_package(folder, spec, encodings, network, GOLDEN, seen)
    return read_package(folder)


@dataclass
class Workspace:
    """A project's folder, and what is done in it."""

    root: Path

    @property
    def spec(self) -> Spec:
        return read_spec(self.root / "params.yaml")

    def train(self, seed: int, **task: Any) -> None:
        """Another candidate, with metrics of its own; `task` overrides those of asthma."""
        folder = self.root / layout.CANDIDATE
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(PACKED[seed], folder)
        write_json(self.root / layout.METRICS, metrics(0.7 + seed / 100, **task))

    def gate(self, **said: Any) -> None:
        text = PARAMS.replace("gate: {}", f"gate: {said!r}".replace("True", "true"))
        (self.root / "params.yaml").write_text(text)

    def register(self) -> Registration:
        return register(self.root, self.spec, rows=raw_rows)

    @property
    def written(self) -> str:
        return (self.root / layout.REGISTRATION).read_text()


NOT_HERE = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV", "MTL_FLOW_RUN")
PACKED: dict[int, Path] = {}
"""Seed -> a packed model; made once, copied into each workspace."""


def metrics(asthma: float, **task: Any) -> dict[str, Any]:
    """reports/metrics.json of a candidate that passes."""
    common = {"n_test": ROWS, "diff": 0.01, "diff_low": 0.0, "diff_high": 0.02, "verdict": "no worse", "verdict_trees": "no worse"}
    height = {"kind": "regression", "metric": "r2", "value": 0.5, "single_task": 0.49, **common}
    asthmatic = {"kind": "binary", "metric": "auc", "value": asthma, "single_task": 0.69, **common, **task}
    return {
        "tasks": {"height": height, "asthma": asthmatic},
        "delta_m": 1.0, "delta_m_low": 0.1, "delta_m_high": 2.0, "worse_than_single_task": 0, "worse_tasks": [],
    }  # fmt: skip


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose truth is what the model of seed 1 predicts, with an empty registry beside it."""
    root = tmp_path_factory.mktemp("template") / "work"
    root.mkdir()
    spec = parse_spec(_yaml(PARAMS))
    for seed in (1, 2):
        PACKED[seed] = root.parent / f"packed{seed}"
        pack(PACKED[seed], spec, seed)
    (root / "params.yaml").write_text(PARAMS)
    (root / "dvc.lock").write_text(LOCK)
    best = read_package(PACKED[1]).predictions(TEST)
    height = (best["height"] - 170) / 10 + np.random.default_rng(0).normal(0, 0.01, ROWS)
    asthma = best["asthma"] > np.median(best["asthma"])
    inputs = {"person": ENCODINGS.inputs["person"].apply(TEST)}
    targets = np.stack([height, asthma], axis=1).astype(np.float32)
    aligned = AlignedSet(inputs, targets, np.ones(targets.shape, np.bool_), ("height", "asthma"))
    aligned.write(_parent(root / layout.ALIGNED / "test"), TEST.select("entity", "key", group=pl.lit(None, pl.String)))
    curves = pl.DataFrame(
        {"epoch": [1, 1, 2, 2], "task": ["height", "asthma"] * 2, "train_loss": 0.5, "valid_loss": [0.4, None, 0.3, 0.2]}
    )
    curves.write_csv(_parent(root / layout.TRAINING / "candidate" / "history.csv"))
    write_json(root / layout.PROFILES / "people.json", {"rows": 3, "columns": {}})
    _empty_registry(root)
    return root


def _empty_registry(root: Path) -> None:
    """MLflow makes its tables in two seconds; a test copies them."""
    quiet()
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{root}/mlflow.db")
    client.create_experiment("people_model", artifact_location=str(root / "mlruns" / "people_model"))


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test meets a registry, an experiment or a flow run of whoever runs it."""
    for name in NOT_HERE:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def workspace(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A copy of the template in which the model of seed 1 was trained."""
    root = tmp_path / "a project"
    shutil.copytree(template, root)
    monkeypatch.chdir(root)
    made = Workspace(root)
    made.train(1)
    return made


@pytest.fixture(scope="session")
def registered(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which the model of seed 2 is champion and was found to be right."""
    root = tmp_path_factory.mktemp("registered") / "work"
    shutil.copytree(template, root)
    made = Workspace(root)
    made.train(2)
    with pytest.MonkeyPatch.context() as patched:
        for name in NOT_HERE:
            patched.delenv(name, raising=False)
        patched.setattr("mtl.registry.register.golden_trial", _passed)
        made.register()
    return root


@pytest.fixture
def with_champion(registered: Path, tmp_path: Path, quick_trial: None) -> Workspace:
    """A copy of it in which the better model of seed 1 was trained: it would be promoted."""
    root = tmp_path / "a project"
    shutil.copytree(registered, root)
    made = Workspace(root)
    made.train(1)
    return made


def _passed(*_: Any) -> Rule:
    return Rule("golden rows in a fresh process", True, "as packed")


@pytest.fixture
def quick_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """The golden rows pass without a fresh process (3 s each); what is under test lies elsewhere."""
    monkeypatch.setattr("mtl.registry.register.golden_trial", _passed)


def _parent(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _yaml(text: str) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe").load(text)
