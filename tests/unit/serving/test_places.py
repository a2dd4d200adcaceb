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
    ],
)
def test_the_date_is_that_of_the_partition(path: str, day: str) -> None:
    assert date_of(Path(path)).isoformat() == day


@pytest.mark.parametrize("path", [None, "inbox/people.csv", "backup/2020-01-01/people.csv"])
def test_or_else_todays(path: str | None) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    assert date_of(Path(path) if path else None) - today in (datetime.timedelta(0), datetime.timedelta(1))


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
