"""What the README says, done as it is written, cut small; its main job, and `mtl tune` and `mtl adapt`, by tests/long."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.readme import CHINESE, README, ROOT, commands

from .conftest import AFTER, command, tables


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


@pytest.mark.slow
def test_own_data_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: Callable[..., str]) -> None:
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
    monkeypatch.chdir(project)
    for source in ("people", "visits"):
        stage("ingest", source)
        stage("validate", source)
    for one in AFTER:  # each in this process: that DVC walks all of `dvc.yaml` tests/long shows
        stage(one)
    assert set(json.loads((project / "reports/metrics.json").read_text())["tasks"]) == {"risk", "spend", "churn"}
