"""A toy pipeline: five stages that copy text, fail when told so, and take as long as told. No params.yaml, no learning."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.flows.conftest import once

if TYPE_CHECKING:
    from mtl.orchestration.server import TemporaryServer

STAGE = """
import os, sys, time
from pathlib import Path
from mtl.process import die_with_parent

die_with_parent()
name, *inputs, output = sys.argv[1:]
print(name, "begins", flush=True)
print("for the run", os.environ.get("MTL_FLOW_RUN"), flush=True)
for _ in range(int(float(Path("seconds").read_text()) * 20) if name == "train" else 0):
    time.sleep(0.05)
    print("epoch", _, flush=True)
told = Path(f"fail_{Path(output).name}")
if told.exists():
    print("error: the table is not there\\n  expected: one\\n  found:    none", file=sys.stderr)
    sys.exit(int(told.read_text()))
Path(output).parent.mkdir(exist_ok=True)
Path(output).write_text("".join(Path(i).read_text() for i in inputs) + name + "\\n")
print(name, "ends", flush=True)
"""
DVC_YAML = """
vars: [{sources: {people: {path: people.csv}, labs: {path: labs.csv}}}]
stages:
  ingest:
    foreach: ${sources}
    do:
      cmd: exec python stage.py ingest ${item.path} out/${key}
      deps: ["${item.path}"]
      outs: ["out/${key}"]
  split:
    cmd: exec python stage.py split out/people out/labs out/split
    deps: [out/people, out/labs]
    outs: [out/split]
  train:
    cmd: exec python stage.py train out/split out/train
    deps: [out/split]
    outs: [out/train]
  trees:
    cmd: exec python stage.py trees out/split out/trees
    deps: [out/split]
    outs: [out/trees]
"""
STAGES = ["ingest@people", "ingest@labs", "split", "train", "trees"]


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """The root of a toy pipeline in which nothing has been run."""
    root = tmp_path / "toy"
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n    check_update = false\n")
    files = {"stage.py": STAGE, "dvc.yaml": DVC_YAML, "people.csv": "p\n", "labs.csv": "l\n", "seconds": "0"}
    for name, text in files.items():
        (root / name).write_text(text)
    return root


@pytest.fixture(autouse=True)
def _own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """DVC's site cache in the test's folder; what the code under test sets is undone."""
    before = dict(os.environ)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    monkeypatch.delenv("DVC_EXP_BASELINE_REV", raising=False)
    yield
    os.environ.clear()
    os.environ.update(before)


def run_at_terminal(root: Path, server: str = "") -> subprocess.CompletedProcess[str]:
    """`mtl run` in a process of its own, as a person would start it in `root`; with a `server` that runs, or its own."""
    environ = run_environment() | ({"PREFECT_API_URL": server, "PREFECT_HOME": str(root / "home")} if server else {})
    return subprocess.run(run_command(), cwd=root, env=environ, capture_output=True, text=True, timeout=120)


def run_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "mtl", "run", *arguments]


def run_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a Prefect server of the tests' own, in a copy of a home that has its tables: making them takes seconds."""
    made = once(tmp_path_factory, "prefect_home", lambda folder: started_in(folder).stop())
    return started_in(Path(shutil.copytree(made, tmp_path_factory.mktemp("prefect") / "home"))).url


def started_in(root: Path) -> TemporaryServer:
    from mtl.orchestration.local import prepare_environment
    from mtl.orchestration.server import start_server

    environ: dict[str, str] = {}
    prepare_environment(root, environ)
    before = dict(os.environ)
    os.environ.update(environ)
    try:
        started = start_server(root / ".mtl/prefect")
        started.wait()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return started
