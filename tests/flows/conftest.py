"""A small whole project, with the repository's own dvc.yaml: two tables, two inputs, four tasks of four kinds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from filelock import FileLock

from mtl.dvc_home import keep_dvc_home
from mtl.registry import smoke
from mtl.registry.gate import Rule
from mtl.registry.store import TRACKING_URI, Store, open_store
from mtl.registry.trial import RULE

ROOT = Path(__file__).parents[2]
TEMPLATE = ("dvc.yaml", "profile.json", "code.lock.yaml", ".gitignore", ".dvcignore", ".dvc/config", ".dvc/.gitignore")
ROWS = 900
AFTER = ("split", "embed", "encode", "align", "choose", "baseline", "train", "trees", "evaluate", "register", "report")
"""The stages behind those of each source, in an order that fits."""

PARAMS = """
name: small
entities:
  person: {key: id, split: {train: 0.6, valid: 0.2, test: 0.2, seed: 1}}
sources:
  people: {path: people.csv}
  visits: {path: visits.csv}
inputs:
  facts:
    source: people
    columns:
      age: {kind: numeric, min: 0, max: 120}
      height: {kind: numeric, min: 40, max: 250}
      city: {kind: categorical}
tasks:
  weight: {source: visits, column: weight, kind: regression, min: 1, max: 400, unit: kg}
  ill: {source: visits, column: ill, kind: binary, positive: "yes", negative: "no"}
  team: {source: people, column: team, kind: multiclass}
  mood: {source: visits, column: mood, kind: ordinal, classes: [bad, fair, good]}
encoding: {}
model: {width: 16, depth: 2, dropout: 0.1}
training: {lr: 1e-2, batch_size: 64, max_epochs: 4, patience: 3}
evaluation: {resamples: 200, slices: {city: null, age: [0, 40, 90]}}
gate: {tolerance: 0.1}
"""


def tables() -> dict[str, pl.DataFrame]:
    """people (id, age, height, city, team) and visits (id, weight, ill, mood) of most of them."""
    rng = np.random.default_rng(0)
    ids = np.arange(ROWS)
    age, height, city = rng.integers(18, 90, ROWS), rng.normal(170, 10, ROWS).round(1), rng.choice(["rome", "oslo", "lima"], ROWS)
    weight = 0.9 * (height - 100) + 0.2 * (age - 50) + rng.normal(0, 6, ROWS)
    risk = (age - 50) / 15 + rng.normal(0, 1.5, ROWS)
    mood = np.array(["bad", "fair", "good"])[np.clip((1.5 - risk / 2 + rng.normal(0, 0.7, ROWS)).astype(int), 0, 2)]
    people = pl.DataFrame(
        {"id": ids, "age": age, "height": height, "city": city, "team": np.where(risk + (city == "oslo") > 0.5, "red", "blue")}
    )
    visits = pl.DataFrame({"id": ids, "weight": weight.round(1), "ill": np.where(risk > 0.3, "yes", "no"), "mood": mood})
    return {"people": people, "visits": visits.filter(pl.col("id") % 9 != 4)}


def make_project(root: Path, params: str = PARAMS) -> Path:
    """A project in the new folder `root`, in git, nothing run yet."""
    (root / ".dvc").mkdir(parents=True)
    for file in TEMPLATE:
        shutil.copyfile(ROOT / file, root / file)
    (root / "params.yaml").write_text(params)
    for name, frame in tables().items():
        frame.write_csv(root / f"{name}.csv")
    keep_dvc_home(root)
    for arguments in (["init", "-q"], ["add", "-A"], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "start"]):
        subprocess.run(["git", *arguments], cwd=root, check=True)
    return root


def environment() -> dict[str, str]:
    """This environment, with this interpreter's folder first on PATH."""
    gone = {"PYTHONDONTWRITEBYTECODE", "MLFLOW_TRACKING_URI", "DVC_EXP_NAME"}
    kept = {k: v for k, v in os.environ.items() if k not in gone}
    return {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}


def command(root: Path, *arguments: str, check: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the project as a person would."""
    done = subprocess.run(arguments, cwd=root, env={**environment(), **more}, capture_output=True, text=True)
    assert not check or done.returncode == 0, f"{' '.join(arguments)} exited {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh small project, and the working directory in it."""
    root = make_project(tmp_path / "project")
    monkeypatch.chdir(root)
    return root


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder `name`, which `make` was asked to fill once for all workers."""
    room = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        room = room.parent
    folder, done = room / name, room / f"{name}.done"
    with FileLock(room / f"{name}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project after all its stages, one for all workers. Never change it: copy it with the fixture `copy`.

    They run in one process, a fifth of the time of a process each, and DVC notes what they made; that it walks them itself is shown
    by tests/long and, stage by stage, by tests/flows/orchestration.
    """
    return once(tmp_path_factory, "finished", lambda room: finish(make_project(room / "project"))) / "project"


def finish(root: Path) -> None:
    """Every stage of the project, none of which imports Prefect or DVC, and its dvc.lock."""
    named = [(verb, source) for source in tables() for verb in ("ingest", "validate")] + [(stage,) for stage in AFTER]
    calls = "; ".join(f"import_module('mtl.stages.{verb}').run{tuple(of)}" for verb, *of in named)
    alone = "assert not {'prefect', 'dvc'} & sys.modules.keys()"
    command(root, "python", "-c", f"import sys; from importlib import import_module; {calls}; {alone}")
    command(root, "dvc", "commit", "--force")


@pytest.fixture(scope="session")
def bare_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a registry that nothing was registered in: a copy spares a test the seconds MLflow needs for its tables."""
    return once(tmp_path_factory, "registry", lambda room: open_store(room, "none"))


def tried_in_this_process(store: Store, version: int, golden: Path) -> Rule:
    """A promotion's trial without a process of its own, for tests that others show the fresh process for."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(TRACKING_URI, store.uri)
        return Rule(RULE, not smoke.main(f"models:/{store.name}/{version}", str(golden)), "in this process")


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished project that a test may change."""
    root = Path(shutil.copytree(finished, tmp_path / "project", symlinks=True))
    keep_dvc_home(root)
    return root


@pytest.fixture
def stage() -> Callable[..., str]:
    """`stage("ingest", "people")` runs a stage in this process, in the working directory."""
    return lambda name, *arguments: str(import_module(f"mtl.stages.{name}").run(*arguments))
