"""Where predictions lie, and what a part is called."""

from __future__ import annotations

import datetime
import os
import time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.data.sources.dated import date_of as dated_of
from mtl.serving.places import SCORED, Places, date_of, name_of, publish, writing_in

ROWS = pl.DataFrame(
    {"id": ["1", "2", "3"], "x": [0.1, None, 1e300], "list": [["a"], [], None], "raw": [b"\x00\xff", None, b""],
     "day": [datetime.date(2026, 1, 2), None, None]},
    schema_overrides={"list": pl.List(pl.String)},
)  # fmt: skip


@given(cuts=st.lists(st.integers(0, 3), max_size=3).map(sorted))
def test_a_name_depends_on_the_rows_and_not_on_their_frames(cuts: list[int]) -> None:
    bounds = zip([0, *cuts], [*cuts, 3], strict=True)
    assert name_of(7, [ROWS[a:b] for a, b in bounds]) == name_of(7, [ROWS])


def test_another_version_and_another_row_give_another_name() -> None:
    names = {name_of(7, [ROWS]), name_of(8, [ROWS]), name_of(7, [ROWS.head(2)]), name_of(7, [ROWS.reverse()])}
    names |= {name_of(7, [ROWS.with_columns(pl.col(c).shift(1))]) for c in ROWS.columns}
    assert len(names) == 4 + len(ROWS.columns)
    assert name_of(7, [ROWS]) == "0b6785f1a88df83f"  # another one would put a batch of before beside itself


@pytest.mark.parametrize(
    ("path", "day"),
    [
        ("inbox/date=2026-11-22", "2026-11-22"),
        ("inbox/date=2026-11-22/part-0.csv", "2026-11-22"),
        ("inbox/year=2026/month=11/day=22", "2026-11-22"),
        ("inbox/2026-11-22.csv", "2026-11-22"),
        ("inbox/20261122", "2026-11-22"),
        ("inbox/2026-11-22/part.csv", "2026-11-22"),
        ("inbox/2026/11/22.csv", "2026-11-22"),
        ("inbox/2026/11/22/part.csv.gz", "2026-11-22"),
        ("inbox/2026/11/22", "2026-11-22"),
        ("inbox/2026-11-01/2026-11-22.csv", "2026-11-22"),
        ("inbox/2026-11-01/date=2026-11-22/part.csv", "2026-11-22"),
    ],
)
def test_the_date_is_that_of_the_partition(path: str, day: str) -> None:
    assert date_of(Path(path)).isoformat() == day


@pytest.mark.parametrize(
    "path",
    [
        None,
        ".",
        "inbox/people.csv",
        "backup/2020-01-01/inbox/people.csv",
        "from-2020-01-01-to-2020-02-01/people.csv",
        "2020-13-01/people.csv",
        "2020/01/people.csv",
    ],
)
def test_or_else_todays(path: str | None) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    assert date_of(Path(path) if path else None) - today in (datetime.timedelta(0), datetime.timedelta(1))


@pytest.mark.parametrize("folder", ["inbox", "2020-01-01/inbox", "/2020-01-01/inbox"])
@pytest.mark.parametrize(
    "name", ["2026/11/22.csv", "2026-11-22/a/part.csv", "date=2026-11-22/2020-01-01.csv", "a/20261101_20261122.csv"]
)
def test_below_the_sources_own_path_it_is_that_which_the_schedule_reads(folder: str, name: str) -> None:
    day = datetime.date(2026, 11, 22)
    assert dated_of(Path(name)) == day
    assert date_of(Path(folder, name), Path("work"), folder) == day
    assert date_of(Path("/work", folder, name), Path("/work"), folder) == day
    assert date_of(Path(folder, "..", Path(folder).name, name), Path("work"), folder) == day


def test_the_path_of_the_source_itself_says_no_day_to_what_lies_below_it(tmp_path: Path) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    own = "2020-01-01"
    assert date_of(Path(own, "part.csv"), tmp_path, own) >= today
    assert date_of(Path(own, "part.csv"), tmp_path, "elsewhere") == datetime.date(2020, 1, 1)


@pytest.mark.parametrize("name", ["2026.11.22", "2026/11/22", "date=2026-11-22"])
def test_a_folder_of_partitions_of_a_day_has_it_too(tmp_path: Path, name: str) -> None:
    (tmp_path / "inbox" / name).mkdir(parents=True)
    assert date_of(Path("inbox", name), tmp_path, "inbox") == datetime.date(2026, 11, 22)


def test_predictions_quarantine_and_reports_lie_apart() -> None:
    places = Places(SCORED, "people", datetime.date(2026, 11, 22), "ab12")
    assert str(places.part) == "data/scored/people/date=2026-11-22/part-ab12.parquet"
    assert str(places.quarantine) == "data/scored/_quarantine/people/date=2026-11-22/part-ab12.parquet"
    assert str(places.report) == "data/scored/_reports/people/date=2026-11-22/part-ab12.json"
    assert f"/{SCORED}/" in (Path(__file__).parents[3] / ".gitignore").read_text().splitlines()


def test_what_is_written_is_gone_behind_an_error_and_what_a_kill_left_a_day_later(tmp_path: Path) -> None:
    old, new = tmp_path / ".writing-old", tmp_path / ".writing-new"
    for folder in (old, new):
        (folder / "people").mkdir(parents=True)
    two_days = time.time() - 2 * 86400
    os.utime(old, (two_days, two_days))
    with pytest.raises(ZeroDivisionError), writing_in(tmp_path) as folder:
        (folder / "part").write_text(str(1 / 0))
    assert [one.name for one in tmp_path.iterdir()] == [".writing-new"]
    with writing_in(tmp_path) as folder:
        (folder / "part").write_text("whole")
        publish(folder / "part", tmp_path / "a/b/part")
    assert (tmp_path / "a/b/part").read_text() == "whole"


def test_what_another_run_has_just_thrown_away_is_none_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, old = tmp_path / ".writing-gone", tmp_path / ".writing-old"
    old.mkdir()
    os.utime(old, (0, 0))
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter([gone, old]))
    with writing_in(tmp_path) as folder:
        assert folder.is_dir()
    assert not list(tmp_path.iterdir())
