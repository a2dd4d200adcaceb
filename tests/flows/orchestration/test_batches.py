from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mtl.errors import DataError, SpecError
from mtl.orchestration.batches import batches
from mtl.orchestration.progress import EPOCH
from tests.flows.conftest import PARAMS, make_project, tables

DAYS = [date(2026, 11, day) for day in (1, 2, 5)]


@pytest.fixture
def dated(tmp_path: Path) -> Path:
    """visits is a folder of dated partitions, people one table."""
    root = make_project(tmp_path / "project", PARAMS.replace("{path: visits.csv}", "{path: visits}"))
    (root / "visits").mkdir()
    for day in DAYS:
        tables()["visits"].head(5).write_csv(root / "visits" / f"{day}.csv")
    return root


def never(_: date) -> bool:
    return False


def test_each_day_is_a_batch_the_oldest_first_and_what_is_done_is_left_out(dated: Path) -> None:
    assert [day for day, _ in batches(dated, "visits", None, None, never)] == DAYS
    assert next(path for _, path in batches(dated, "visits", None, None, never)) == Path("visits/2026-11-01.csv")
    assert [day for day, _ in batches(dated, "visits", None, None, lambda day: day == DAYS[1])] == [DAYS[0], DAYS[2]]


def test_a_range_has_both_its_ends(dated: Path) -> None:
    assert [day for day, _ in batches(dated, "visits", DAYS[1], DAYS[2], never)] == DAYS[1:]
    assert batches(dated, "visits", date(2026, 11, 3), date(2026, 11, 4), never) == []


def test_a_table_is_one_batch_and_has_no_days(dated: Path) -> None:
    assert batches(dated, "people", None, None, never) == [(None, None)]
    with pytest.raises(DataError, match="dated partitions"):
        batches(dated, "people", DAYS[0], None, never)


def test_two_partitions_of_a_day_and_an_unknown_source_are_errors(dated: Path) -> None:
    with pytest.raises(SpecError, match="visits"):
        batches(dated, "visit", None, None, never)
    (dated / "visits" / "20261105.csv").write_text((dated / "visits" / "2026-11-05.csv").read_text())
    with pytest.raises(DataError, match="two partitions of 2026-11-05"):
        batches(dated, "visits", None, None, never)


def test_what_training_says_of_its_epochs_is_what_the_bar_reads() -> None:
    said = "baseline: single_task: epoch 4/100, valid 0.7558 of a constant's loss, best 0.7506, tasks still learning 11"
    found = EPOCH.search(said)
    assert found is not None
    assert (found["epoch"], found["of"]) == ("4", "100")
    assert found["said"].startswith("valid 0.7558")
    again = EPOCH.search(
        "train: candidate: epoch 2/7, again, on train and valid: 0.7012 of a constant's loss, tasks still learning 11"
    )
    assert again is not None
    assert (again["epoch"], again["of"]) == ("2", "7")


def test_a_file_without_a_date_among_dated_ones_is_named(dated: Path) -> None:
    (dated / "visits" / "more.csv").write_text((dated / "visits" / "2026-11-05.csv").read_text())
    with pytest.raises(DataError, match=r"more\.csv"):
        batches(dated, "visits", None, None, never)
