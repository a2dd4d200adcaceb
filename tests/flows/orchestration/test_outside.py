"""What must be done again although DVC sees nothing stale."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mtl.orchestration.outside import must_run_again

LOCK = """
schema: '2.0'
stages:
  report:
    cmd: mtl report
    deps:
    - path: reports/metrics.json
    - path: reports/training
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A page newer than all it shows."""
    (tmp_path / "reports/training").mkdir(parents=True)
    (tmp_path / "dvc.lock").write_text(LOCK)
    for at, name in enumerate(("metrics.json", "training/history.csv", "report.html")):
        (tmp_path / "reports" / name).write_text("{}")
        os.utime(tmp_path / "reports" / name, (1000 + at, 1000 + at))
    return tmp_path


def test_a_page_newer_than_all_it_shows_stays(workspace: Path) -> None:
    assert not must_run_again(workspace, "report")


@pytest.mark.parametrize("name", ["metrics.json", "training/history.csv"])
def test_a_page_older_than_one_input_is_made_again(workspace: Path, name: str) -> None:
    os.utime(workspace / "reports" / name, (2000, 2000))
    assert must_run_again(workspace, "report")


def test_a_page_that_is_gone_is_made_again(workspace: Path) -> None:
    (workspace / "reports/report.html").unlink()
    assert must_run_again(workspace, "report")


@pytest.mark.parametrize(("decision", "again"), [("not_asked", True), ("promoted", False), ("rejected", False), (None, False)])
def test_the_registry_is_asked_if_it_was_not(workspace: Path, decision: str | None, again: bool) -> None:
    if decision:
        (workspace / "reports/registration.json").write_text(json.dumps({"decision": decision}))
    assert must_run_again(workspace, "register") is again


def test_in_an_experiment_not_asked_is_right(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (workspace / "reports/registration.json").write_text('{"decision": "not_asked"}')
    monkeypatch.setenv("DVC_EXP_NAME", "faster")
    assert not must_run_again(workspace, "register")


def test_other_stages_are_dvcs_business(workspace: Path) -> None:
    assert not must_run_again(workspace, "train")
