"""The first minutes of a newcomer: the README's main job as it is written, in a clone, on a small sample of its data."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.flows.conftest import command
from tests.readme import README, ROOT, commands

pytestmark = pytest.mark.slow
PEOPLE = 900


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working tree as git would deliver it, the sample and the budget cut small, the environment linked in."""
    root = tmp_path_factory.mktemp("readme") / "mtl"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for file in listed.stdout.splitlines():
        if (ROOT / file).is_file() and file != "dvc.lock":
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / file, root / file)
    for table in (root / "data/raw").glob("*.csv"):
        pl.read_csv(table, infer_schema=False).head(PEOPLE).write_csv(table)
    spec = (root / "params.yaml").read_text()
    spec = (
        spec.replace("max_epochs: 100", "max_epochs: 2")
        .replace("resamples: 2000", "resamples: 100")
        .replace("width: 256", "width: 16")
        .replace("sharing: auto", "auto: {budget: 4, folds: 2}\n  sharing: auto")
    )
    (root / "params.yaml").write_text(spec.replace("on_unfit: stop", "on_unfit: drop"))
    command(root, "git", "init", "-q")
    command(root, "git", "add", "-A")
    command(root, "git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "clone")
    (root / ".venv").symlink_to(Path(sys.prefix))
    return root


def test_the_main_job_as_written(clone: Path) -> None:
    """`make run`: a line a stage, the table, the decision, the report; again: nothing to do; and DVC agrees."""
    assert commands(README)[0][:2] == ["make run", "make test"]
    said = command(clone, "make", "run", "--assume-old=.venv/.installed", PYTHONPATH=str(clone)).stdout
    tasks = json.loads((clone / "reports/metrics.json").read_text())["tasks"]
    assert len(tasks) == 11
    assert all(task in said for task in tasks)
    assert "registry:" in said
    assert (clone / "reports/report.html").is_file()
    assert "reports/report.html" in said
    again = command(clone, "make", "run", "--assume-old=.venv/.installed", PYTHONPATH=str(clone)).stdout
    assert "nothing to do" in again
    assert "up to date" in command(clone, "dvc", "repro").stdout
    changed = command(clone, "git", "status", "--porcelain").stdout.split()
    assert set(changed) <= {"??", "dvc.lock", ".venv"}
