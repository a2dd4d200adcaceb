"""The page as a whole: well-formed, self-contained, escaped, right for none, one and many versions, and alive in a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mtl.dashboard.drift import read_batches
from mtl.dashboard.page import render, write_dashboard
from mtl.dashboard.sections import MOST_VERSIONS, Seen
from mtl.registry.history import Entry
from mtl.registry.versions import Registered, Version
from tests.unit.dashboard.conftest import SOURCES, TASKS, moment
from tests.unit.report.test_page import HOSTILE, LOADS, Reader

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), "")
Make = Callable[..., Registered]


def page_of(known: Registered, root: Path | None = None) -> str:
    return render(Seen(known, read_batches(root) if root else []))


@pytest.mark.parametrize("many", [0, 1, 2, 30])
def test_it_is_well_formed_and_loads_nothing(registry: Make, many: int) -> None:
    page = page_of(registry(many))
    read = Reader(page)
    assert not read.open
    for tag, attributes in read.tags:
        assert not LOADS & attributes.keys(), tag
        assert tag != "a" or str(attributes["href"]).startswith("#")  # drift reports have pages of their own, see below
    assert page == page_of(registry(many))
    anchors = {attributes.get("id") for _, attributes in read.tags}
    assert {str(a["href"])[1:] for tag, a in read.tags if tag == "a"} <= anchors
    if many:
        assert all(name in read.text for name in (*TASKS, *SOURCES))


def test_it_tells_champions_decisions_and_reasons(registry: Make) -> None:
    text = Reader(page_of(registry(30))).text
    assert "Version 28 is champion" in text
    assert "since 2026-07-29 03:00 UTC" in text
    assert "20 promoted, 10 refused, 1 rolled back" in text
    assert "recall fell in production" in text
    assert "again, in place of 29" in text
    assert text.count("systolic_bp is worse against the champion") == 10
    assert "brave-fox-30" in text


def test_of_one_version_it_is_whole(registry: Make) -> None:
    text = Reader(page_of(registry(1))).text
    assert "Version 1 is champion" in text
    assert "no champion before" in text


def test_without_versions_it_says_what_to_do(registry: Make) -> None:
    text = Reader(page_of(registry(0))).text
    assert "Nothing was registered yet" in text
    assert "Champions" not in text


def test_without_a_champion_it_says_so(registry: Make) -> None:
    known = registry(1)
    refused = replace(known, history=(Entry("rejected", 1, None, ("asthma: auc 0.5, at least 0.6 asked",), moment(7)),), aliases={})
    text = Reader(page_of(refused)).text
    assert "No champion" in text
    assert "version 1 was refused" in text
    assert "at least 0.6 asked" in text


def test_a_champion_without_a_history_is_shown(registry: Make) -> None:
    text = Reader(page_of(replace(registry(1), history=()))).text
    assert "Version 1 is champion" in text
    assert "The history knows of no decision" in text


def test_files_that_are_gone_leave_gaps(registry: Make) -> None:
    known = registry(5)
    bare = tuple(Version(one.number, one.made, one.run, {}) if one.number in (2, 4) else one for one in known.versions)
    assert "Version 3" not in Reader(page_of(replace(known, versions=bare))).text
    none = tuple(Version(one.number, one.made, one.run, {}) for one in known.versions)
    assert "Decisions" in Reader(page_of(replace(known, versions=none))).text


def test_names_of_any_kind_are_only_text(registry: Make) -> None:
    known = registry(3, (HOSTILE, "b"))
    history = tuple(replace(entry, reasons=(HOSTILE,)) for entry in known.history)
    page = page_of(replace(known, name=HOSTILE, history=history))
    read = Reader(page)
    assert page.count("<script>") == 1
    assert not [tag for tag, attributes in read.tags if tag == "img" or "onerror" in attributes]


def test_many_versions_stay_bounded(registry: Make) -> None:
    page = page_of(registry(120))
    assert f"Pictures show the newest {MOST_VERSIONS} of 120 versions" in Reader(page).text
    assert len(page) < 600_000


def test_a_newest_batch_with_too_few_rows_is_called_so(registry: Make, tmp_path: Path) -> None:
    (tmp_path / "reports/monitoring").mkdir(parents=True)
    few = {
        "source": "people",
        "date": "2026-02-01",
        "rows": {"kept": 9},
        "comparisons": 0,
        "findings": [],
        "verdict": "too few rows",
    }
    (tmp_path / "reports/monitoring/people-2026-02-01-1a.json").write_text(json.dumps(few))
    text = Reader(page_of(registry(1), tmp_path)).text
    assert "too few rows" in text
    assert "0 of 0" not in text


def test_drift_reports_are_told(registry: Make, tmp_path: Path) -> None:
    folder = tmp_path / "reports/monitoring"
    folder.mkdir(parents=True)
    where = (
        {"where": "people.age", "drifted": True},
        {"where": "tasks.asthma", "aspect": "labels", "drifted": True},
        {"where": "x"},
    )
    told = {"source": "people", "version": 2, "rows": {"in": 4201, "kept": 4200, "quarantined": 1}, "comparisons": 31}
    both = {"2026-02-02": ("drifted", where), "2026-02-01": ("nothing drifted", where[2:])}
    for date, (verdict, findings) in both.items():
        found = told | {"date": date, "verdict": verdict, "findings": findings}
        (folder / f"people-{date}.json").write_text(json.dumps(found))
    (folder / "people-2026-02-02.html").write_text("<html></html>")
    (folder / "people-2026-02-03.json").write_text("{")
    read = Reader(page_of(registry(2), tmp_path))
    text = " ".join(read.text.split())
    assert "2 drifted : people.age , tasks.asthma (labels)" in text
    assert text.index("2 drifted") < text.index("nothing drifted") < text.index("this report cannot be read")
    assert "4,200 rows version 2 31 compared" in text
    links = [attributes["href"] for tag, attributes in read.tags if tag == "a"]
    assert [link for link in links if not str(link).startswith("#")] == ["monitoring/people-2026-02-02.html"]


def test_a_project_without_a_registry_gets_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(Path(__file__).parents[3] / "params.yaml", tmp_path / "params.yaml")
    assert "Nothing was registered yet" in write_dashboard(tmp_path).read_text(encoding="utf-8")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["params.yaml", "reports"]


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")
def test_in_a_browser_it_lives_without_an_error(registry: Make, tmp_path: Path) -> None:
    tasks = tuple(f"task_{at}" for at in range(12))
    file = tmp_path / "dashboard.html"
    file.write_text(page_of(registry(30, tasks)), encoding="utf-8")
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={tmp_path / 'profile'}",
        "--enable-logging=stderr", "--dump-dom", file.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "CONSOLE" not in done.stderr
    read = Reader(done.stdout)
    assert all(name in read.text for name in tasks)
    find = next(attributes for tag, attributes in read.tags if tag == "label" and attributes.get("class") == "find")
    assert "hidden" not in find  # the page's script took it away


def test_a_source_without_quarantine_is_told_in_words(registry: Make) -> None:
    known = registry(2)
    none = {"people": {"rows_in": 100, "rows_kept": 100, "rows_quarantined": 0}}
    page = page_of(replace(known, versions=tuple(replace(one, figures={"sources": none}) for one in known.versions)))
    assert "no version had a row in quarantine" in Reader(page).text
    assert "share in quarantine" not in page
