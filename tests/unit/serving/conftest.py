"""A workspace with a champion that knows two inputs of different sources, and batches for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from mtl.data.encodings import Encodings, TaskEncoding
from mtl.data.inputs.tabular import CategoricalColumn, NumericColumn, TabularEncoding
from mtl.registry.package import Package, read_package, write_package
from mtl.spec import SPEC, Spec, read_spec

PARAMS = """\
name: clinic
entities: {person: {key: id}}
sources:
  people: {path: people.csv, max_quarantined: 0.4}
  lab: {path: lab.csv}
  visits: {path: visits.csv}
inputs:
  facts: {source: people, columns: {age: {kind: numeric, min: 0, max: 120}, colour: {kind: categorical, values: [blue, red]}}}
  blood: {source: lab, columns: {lead: {kind: numeric, min: 0}}}
tasks:
  height: {source: visits, column: height, kind: regression, unit: cm, min: 100, max: 250}
  asthma: {source: people, column: asthma, kind: binary, positive: "yes", negative: "no"}
  team: {source: visits, column: team, kind: multiclass}
encoding: {}
model: {width: 8, depth: 1, dropout: 0}
training: {}
evaluation: {}
gate: {}
"""
COLOUR = CategoricalColumn("colour", "colour", ("blue", "red"))
ENCODINGS = Encodings(
    {
        "facts": TabularEncoding("facts", {"person": "people"}, (NumericColumn("age", "age", 40.0, 20.0),), (COLOUR,)),
        "blood": TabularEncoding("blood", {"person": "lab"}, (NumericColumn("lead", "lead", 2.0, 1.0),), ()),
    },
    (
        TaskEncoding("height", "height", "regression", "person", "visits", "height", ("facts", "blood"), "r2", mean=170, std=9),
        TaskEncoding("asthma", "asthma", "binary", "person", "people", "asthma", ("facts",), "auc", classes=("no", "yes")),
        TaskEncoding("team", "team", "multiclass", "person", "visits", "team", ("blood",), "accuracy", classes=("a", "b", "c")),
    ),
)  # fmt: skip
VERSION = 3
PEOPLE = "id,age,colour\n" + "".join(f"{i},{20 + i},{('blue', 'red')[i % 2]}\n" for i in range(12))


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """A network with random weights, packed."""
    import torch

    from mtl.network.network import build_network

    folder = tmp_path_factory.mktemp("package")
    (folder / SPEC).write_text(PARAMS)
    spec = read_spec(folder / SPEC)
    torch.manual_seed(0)
    network = build_network(ENCODINGS, spec.model)
    golden = pl.DataFrame({"entity": ["person"], "key": ["1"], "age": [30.0], "colour": ["red"], "lead": [None]})
    write_package(folder / "model", spec, ENCODINGS, network, golden.cast({"lead": pl.Float64}), golden.select("entity", "key"))
    return read_package(folder / "model")


@pytest.fixture
def root(tmp_path: Path, package: Package, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace: the spec, validated rows of `lab` for people 0 … 5, and a champion."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / SPEC).write_text(PARAMS)
    lab = pl.DataFrame({"id": [str(i) for i in range(6)], "lead": [float(i) for i in range(6)]})
    write_validated(folder, "lab", lab)
    monkeypatch.setattr("mtl.serving.score.champion_package", lambda root, spec: (VERSION, package))
    return folder


@pytest.fixture
def spec(root: Path) -> Spec:
    return read_spec(root / SPEC)


@pytest.fixture
def arriving(root: Path) -> Callable[..., Path]:
    """Writes a table that arrives, its place relative to the workspace."""

    def write(text: str = PEOPLE, place: str = "inbox/people.csv") -> Path:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(text)
        return Path(place)

    return write


def write_validated(root: Path, source: str, rows: pl.DataFrame, part: int = 0) -> None:
    folder = root / "data/validated" / source
    folder.mkdir(parents=True, exist_ok=True)
    rows.write_parquet(folder / f"part-{part:04d}.parquet")


def change(root: Path, old: str, new: str) -> Spec:
    """The workspace's spec with one text put for another."""
    text = (root / SPEC).read_text()
    assert old in text
    (root / SPEC).write_text(text.replace(old, new))
    return read_spec(root / SPEC)


def everything(root: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}
