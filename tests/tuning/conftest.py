"""A spec to vary, and a workspace whose rows are encoded and aligned, made without DVC."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mtl.data.split import split_entities
from mtl.layout import SPLIT, VALIDATED
from mtl.registry.store import TRACKING_URI, open_store
from mtl.spec import parse_spec
from mtl.tuning.base import Base

PARAMS = """\
# what is learned here
name: small
entities:
  person: {key: id, split: {train: 0.6, valid: 0.2, test: 0.2, seed: 1}}
sources:
  people: {path: people.csv}
inputs:
  facts:
    source: people
    columns: {age: {kind: numeric}, height: {kind: numeric}, city: {kind: categorical}} # all there is
tasks:
  weight: {source: people, column: weight, kind: regression, unit: kg}
  ill: # asked in the second year only
    source: people
    column: ill
    kind: binary
    positive: "yes"
    negative: "no"
encoding: {}
model: {width: 16, depth: 2, dropout: 0.1}   # small
training:
  lr: 1e-2 # found by hand
  batch_size: 64
  max_epochs: 6
  patience: 2

evaluation: {resamples: 200}
gate: {}
"""
ROWS = 600


def with_tune(tune: str, params: str = PARAMS) -> str:
    """The spec with a section `tune`."""
    return f"{params}tune: {tune}\n"


def base_of(tune: str = "{}", params: str = PARAMS) -> Base:
    return Base(with_tune(tune, params))


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Base]:
    """`base(tune, params)`: that spec, also as the params.yaml of the working directory (errors name its lines)."""
    monkeypatch.chdir(tmp_path)

    def made(tune: str = "{}", params: str = PARAMS) -> Base:
        (tmp_path / "params.yaml").write_text(with_tune(tune, params))
        return base_of(tune, params)

    return made


@pytest.fixture(scope="session")
def aligned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace after `align`; never change it."""
    root = tmp_path_factory.mktemp("aligned")
    rng = np.random.default_rng(0)
    age, height = rng.integers(18, 90, ROWS).astype(float), rng.normal(170, 10, ROWS)
    risk = (age - 50) / 15 + rng.normal(0, 1.0, ROWS)
    frame = pl.DataFrame({
        "id": [str(i) for i in range(ROWS)], "age": age, "height": height, "city": rng.choice(["rome", "oslo"], ROWS),
        "weight": 0.9 * (height - 100) + 0.2 * (age - 50) + rng.normal(0, 6, ROWS), "ill": np.where(risk > 0.3, "yes", "no"),
    })  # fmt: skip
    (root / VALIDATED / "people").mkdir(parents=True)
    frame.write_parquet(root / VALIDATED / "people" / "part-0000.parquet")
    (root / "params.yaml").write_text(PARAMS)
    split_entities(parse_spec(Base(PARAMS).raw), root / VALIDATED).write_parquet(root / SPLIT)
    before, server = Path.cwd(), os.environ.pop(TRACKING_URI, None)
    os.chdir(root)
    try:
        for stage in ("encode", "align"):
            import_module(f"mtl.stages.{stage}").run()
        open_store(root, "small")  # seconds, which each copy saves
    finally:
        os.chdir(before)
        if server is not None:
            os.environ[TRACKING_URI] = server
    return root


@pytest.fixture
def workspace(aligned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it that a test may change, and the working directory in it."""
    root = tmp_path / "workspace"
    shutil.copytree(aligned, root)
    monkeypatch.chdir(root)
    monkeypatch.delenv(TRACKING_URI, raising=False)
    return root
