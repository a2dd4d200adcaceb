"""What the README says, done as it is written: in a clone, with the environment that is there, cut small."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from .conftest import ROOT, command, tables

README = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PEOPLE = 900


def commands(text: str) -> list[list[str]]:
    """The command lines of each fenced block without a language, comments left out."""
    blocks = [body for language, body in FENCED.findall(text) if not language]
    return [[line.split("#")[0].strip() for line in block.splitlines() if line.strip()] for block in blocks]


def test_both_languages_say_the_same_commands_and_figures() -> None:
    assert commands(README) == commands(CHINESE)
    assert [row for row in README.splitlines() if row.startswith("| ") and "(" in row and "_" in row and "`" not in row] == [
        row for row in CHINESE.splitlines() if row.startswith("| ") and "(" in row and "_" in row and "`" not in row
    ]


def test_every_file_and_command_it_names_exists() -> None:
    from mtl.cli import app

    known = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
    assert {verb for verb in re.findall(r"\bmtl ([a-z][a-z-]+)", README) if verb not in ("measures",)} <= known
    for link in re.findall(r"\]\(([^)#]+)\)", README + CHINESE):
        assert (ROOT / link).is_file(), link


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_own_data_as_written(tmp_path: Path) -> None:
    """`mtl init` on two tables, one with sentences, writes a project that checks and runs unchanged."""
    (tmp_path / "here").mkdir()
    people, visits = tables()["people"], tables()["visits"]
    people = people.with_columns(note=pl.format("a note of some words about number {}, who is {}", "id", "team"))
    people.rename({"id": "person_id", "team": "churn"}).write_csv(tmp_path / "here/people.csv")
    visits.rename({"id": "person_id", "weight": "spend", "ill": "risk"}).write_parquet(tmp_path / "here/visits.parquet")
    written = next(block for block in commands(README) if any("mtl init" in line for line in block))
    init = next(line for line in written if line.startswith("mtl init"))
    command(tmp_path / "here", *init.split())
    project = tmp_path / "mine"
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(
        text.replace("max_epochs: 20", "max_epochs: 2").replace("resamples: 2000", "resamples: 100")
    )
    assert "note: text, bpe" in command(project, "mtl", "check").stdout
    assert "3 tasks" in command(project, "mtl", "check").stdout
    command(project, "dvc", "repro")
    assert set(json.loads((project / "reports/metrics.json").read_text())["tasks"]) == {"risk", "spend", "churn"}


@pytest.mark.slow
def test_tune_and_adapt_as_written(copy: Path) -> None:
    """In a small finished project: three trials instead of thirty, and a task for NEW."""
    tune, again = next(block for block in commands(README) if block[0].startswith("mtl tune"))
    said = command(copy, *tune.replace("30", "3").split()).stdout
    assert "the spec as it stands" in said
    assert "already 3 of 3 trials" in command(copy, *again.replace("30", "3").split()).stdout
    spec = (copy / "params.yaml").read_text()
    new = "  kilos: {source: visits, column: weight, kind: regression, unit: kg}\n"
    (copy / "params.yaml").write_text(spec.replace("encoding: {}", f"{new}encoding: {{}}"))
    block = next(block for block in commands(README) if any(line.startswith("mtl adapt") for line in block))
    for line in block:
        command(copy, *line.replace("NEW", "kilos").split())
    assert (copy / "models/adapted/kilos").is_dir()
