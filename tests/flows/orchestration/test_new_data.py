"""A folder of dated partitions and a query with a watermark, night after night: only what is new is read."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.flows.conftest import PARAMS, make_project, tables

DRIVER = """
import json, sqlite3, sys
from pathlib import Path
from mtl.orchestration.local import keep_console_quiet
keep_console_quiet()
from mtl.orchestration import flow
from mtl.orchestration.watch import Watcher, watched_by

class Hears(Watcher):
    def __init__(self): self.told, self.said = {}, {}
    def line(self, stage, text): self.said[stage] = text
    def finished(self, outcome): self.told[outcome.stage] = outcome.what

for night in json.loads(sys.argv[1]):
    for name, text in night["files"].items():
        Path(name).write_text(text)
    with sqlite3.connect("visits.db") as base:
        base.execute("PRAGMA synchronous = OFF")
        base.executemany("INSERT INTO visits VALUES (?, ?, ?, ?, ?)", night["rows"])
    base.close()
    hears = Hears()
    with watched_by(hears):
        state = flow.retrain(targets=night["targets"], return_state=True)
    print(json.dumps({"state": state.name, "message": state.message, "told": hears.told, "said": hears.said}))
"""
SOURCES = """
  people: {path: people, as_of: null}
  visits:
    path: visits.state.json
    url: "sqlite:///visits.db"
    query: SELECT id, weight, ill, mood, at FROM visits
    watermark: at
    as_of: null
"""
SPEC = PARAMS.replace("\n  people: {path: people.csv}\n  visits: {path: visits.csv}\n", SOURCES)


@pytest.fixture
def nightly(tmp_path: Path) -> Path:
    """A small project whose people lie in partitions of 2026-11-01 and 02, and its visits in a database."""
    root = make_project(tmp_path / "project", SPEC)
    (root / "people").mkdir()
    for day in (1, 2):
        (root / f"people/2026-11-0{day}.csv").write_text(people(day))
    with closing(sqlite3.connect(root / "visits.db")) as base, base:
        base.execute("CREATE TABLE visits (id INTEGER, weight REAL, ill TEXT, mood TEXT, at TEXT)")
        base.executemany("INSERT INTO visits VALUES (?, ?, ?, ?, ?)", [*visits(1), *visits(2)])
    return root


def people(day: int) -> str:
    return part("people", day).write_csv()


def visits(day: int) -> list[tuple[Any, ...]]:
    return part("visits", day).with_columns(at=pl.lit(f"2026-11-0{day} 12:00:00")).rows()


def part(table: str, day: int) -> pl.DataFrame:
    """A day's fifth of a table."""
    return tables()[table].filter(pl.col("id") % 5 == day - 1)


def nights(root: Path, server: str, *each: dict[str, Any]) -> list[dict[str, Any]]:
    """The flow once for each of `each`, after what it says has been written; what a watcher heard of it."""
    steps = [{"files": {}, "rows": [], "targets": ["ingest"], **one} for one in each]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(steps)],
        cwd=root, env=os.environ | {"PREFECT_API_URL": server, "PREFECT_HOME": str(root / "home")},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def ran(night: dict[str, Any]) -> set[str]:
    assert night["state"] in ("Completed", "Unchanged"), night
    return {stage for stage, what in night["told"].items() if what != "unchanged"}


@pytest.mark.slow
def test_only_what_is_new_is_read_and_nothing_is_done_without_news(nightly: Path, server: str) -> None:
    pinned, further = SPEC.replace("as_of: null", "as_of: '2026-11-03'"), ["validate@people", "ingest@visits"]
    first, quiet, news, unseen, later = nights(
        nightly, server, {}, {},
        {"files": {"people/2026-11-03.csv": people(3)}, "rows": visits(3)},
        {"files": {"params.yaml": pinned}, "targets": further},
        {"files": {"people/2026-11-04.csv": people(4)}, "rows": visits(4), "targets": further},
    )  # fmt: skip
    assert "2 files (2 new)" in first["said"]["ingest@people"]
    assert "1 file (1 new)" in first["said"]["ingest@visits"]
    assert (ran(quiet), quiet["message"]) == (set(), "nothing to do")

    assert ran(news) == {"poll@visits", "ingest@people", "ingest@visits"}
    assert "3 files (1 new)" in news["said"]["ingest@people"]
    assert "2 files (1 new)" in news["said"]["ingest@visits"]
    made = pl.read_parquet(sorted((nightly / "data/ingested/visits").glob("*.parquet")))
    assert sorted(made["id"]) == sorted(row[0] for day in (1, 2, 3) for row in visits(day))

    assert "poll@visits" not in ran(unseen)
    assert "3 files (0 new)" in unseen["said"]["ingest@people"]
    assert ran(later) == {"ingest@people"}, "DVC watches the folder; what lies there beyond as_of changes no byte of the output"
