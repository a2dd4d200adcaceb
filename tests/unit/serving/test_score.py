"""A batch scored: what lies where, what is said, and what stops it."""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.dataset as ds
import pytest

from mtl.cli import main
from mtl.data.encodings import Encodings
from mtl.data.inputs.tabular import NumericColumn, TabularEncoding
from mtl.errors import ContractError, DataError, SpecError
from mtl.registry.package import Package
from mtl.serving.score import Scored, score
from mtl.spec import SPEC
from tests.unit.serving.conftest import ENCODINGS, PARAMS, PEOPLE, VERSION, change, everything, write_validated

Arriving = Callable[..., Path]
DAY = datetime.date(2026, 11, 22)


def scored(root: Path, path: Path, day: datetime.date = DAY) -> Scored:
    return score(root, "people", path, day)


def test_a_partition_a_report_and_one_line(root: Path, arriving: Arriving) -> None:
    done = scored(root, arriving(PEOPLE.replace("3,23", "3,230").replace("5,25", "5,x").replace("7,27,red", "7,27,green")))
    assert (done.rows_in, done.predicted, done.quarantined, done.version) == (12, 9, 3, VERSION)
    assert done.reasons == {"age: expected 0 … 120": 1, "age: not a number": 1, "colour: expected one of blue, red": 1}
    found = pl.scan_parquet(root / "data/scored/people", hive_partitioning=True).collect()
    assert found["date"].unique().to_list() == [DAY]
    assert found["id"].to_list() == ["0", "1", "2", "4", "6", "8", "9", "10", "11"]
    assert ds.dataset(root / "data/scored/people", partitioning="hive").to_table().num_rows == 9
    assert done.quarantine is not None
    aside = pl.read_parquet(root / done.quarantine)
    assert aside["reasons"].to_list()[0] == ["age: expected 0 … 120, found 230"]
    told = json.loads((root / done.report).read_text())
    assert told["inputs"] == {"facts": 9, "blood": 4} == done.inputs
    assert (told["predicted"], told["rows_quarantined"], told["part"]) == (9, 3, str(done.part))
    first = done.summary().splitlines()[0]
    assert first.startswith("people: 9 of 12 rows predicted by version 3 of clinic, 3 in quarantine (1 × age: ")
    assert first.endswith(str(done.part))


def test_the_same_batch_takes_its_place_again_and_another_stands_beside_it(root: Path, arriving: Arriving) -> None:
    path = arriving()
    first = scored(root, path)
    before = everything(root)
    assert scored(root, path) == first
    assert everything(root) == before
    assert first.quarantine is None
    assert "none in quarantine" in first.summary()
    second = scored(root, arriving(PEOPLE.replace("0,20,blue", "100,20,blue")))
    assert second.part != first.part
    assert second.part.parent == first.part.parent
    assert pl.read_parquet(root / "data/scored/people").height == 24
    assert scored(root, path, DAY + datetime.timedelta(1)).part.parent != first.part.parent


def test_another_version_stands_beside_it(
    root: Path, arriving: Arriving, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = arriving()
    scored(root, path)
    monkeypatch.setattr("mtl.serving.score.champion_package", lambda root, spec: (VERSION + 1, package))
    scored(root, path)
    found = pl.read_parquet(root / "data/scored/people")
    assert found.group_by("model_version").len().sort("model_version").rows() == [(VERSION, 12), (VERSION + 1, 12)]


def test_when_other_sources_say_something_else_of_its_rows_it_stands_beside_what_was_predicted(
    root: Path, arriving: Arriving
) -> None:
    path = arriving()
    first = scored(root, path)
    before = (root / first.part).read_bytes()
    write_validated(root, "lab", pl.DataFrame({"id": ["99"], "lead": [7.0]}), part=1)
    assert scored(root, path).part == first.part  # that says nothing of these rows
    write_validated(root, "lab", pl.DataFrame({"id": ["9"], "lead": [7.0]}), part=1)
    second = scored(root, path)
    assert second.part != first.part
    assert (root / first.part).read_bytes() == before
    assert pl.read_parquet(root / second.part).row(9) != pl.read_parquet(root / first.part).row(9)


def test_nothing_is_said_of_an_input_that_only_other_entities_have(
    root: Path, arriving: Arriving, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = TabularEncoding("notes", {"letter": "letters"}, (NumericColumn("words", "words", 0.0, 1.0),), ())
    wider = replace(package, encodings=Encodings({**ENCODINGS.inputs, "notes": words}, ENCODINGS.tasks))
    predict = package.predictions_with_spread
    monkeypatch.setattr(Package, "predictions_with_spread", lambda self, frame: predict(frame.drop("words")))
    monkeypatch.setattr("mtl.serving.score.champion_package", lambda root, spec: (VERSION, wider))
    (root / "data/validated/lab/part-0000.parquet").unlink()
    done = scored(root, arriving())
    assert done.inputs == {"facts": 12, "blood": 0}
    assert done.warnings == ("no row has a value of the input 'blood'",)


@pytest.mark.parametrize(
    ("own", "place"),
    [
        ("inbox", "inbox/2026/11/20.csv"), ("inbox", "inbox/2026-11-20/part.csv"), ("inbox", "inbox/20261120/a/part.csv"),
        ("people.csv", "inbox/2026-11-20/part.csv"),
    ],
)  # fmt: skip
def test_a_partition_lies_under_the_day_that_the_schedule_gives_it(root: Path, arriving: Arriving, own: str, place: str) -> None:
    change(root, "people: {path: people.csv", f"people: {{path: {own}")
    path = arriving(PEOPLE, place)
    assert score(root, "people", path).date == datetime.date(2026, 11, 20)
    assert score(root, "people", root / path).date == datetime.date(2026, 11, 20)


def test_the_sources_own_table_and_a_folder_of_ones_own(root: Path, arriving: Arriving) -> None:
    arriving(PEOPLE, "people.csv")
    done = score(root, "people", out=Path("elsewhere"))
    today = datetime.datetime.now(datetime.UTC).date()
    assert done.date in (today, today - datetime.timedelta(1))
    assert done.part.is_relative_to("elsewhere/people")
    assert not (root / "data/scored").exists()
    assert [one.name for one in sorted((root / "elsewhere").iterdir())] == ["_reports", "people"]


def test_too_much_in_quarantine_leaves_what_to_look_at_and_no_predictions(root: Path, arriving: Arriving) -> None:
    with pytest.raises(ContractError, match=r"look at data/scored/_quarantine/people/date=2026-11-22/part-"):
        scored(root, arriving(PEOPLE.replace("blue", "green")))
    files = [Path(name) for name in everything(root / "data/scored")]
    assert [file.parts[0] for file in files] == ["_quarantine", "_reports"]
    told = json.loads((root / "data/scored" / files[1]).read_text())
    assert "50.0% in quarantine" in told["refused"]
    assert "predicted" not in told


def test_predictions_that_are_none_leave_nothing(
    root: Path, arriving: Arriving, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Package.predictions_with_spread

    def broken(self: Package, frame: pl.DataFrame) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        predictions, spread = whole(self, frame)
        predictions["height"][2] = np.nan
        return predictions, spread

    monkeypatch.setattr(Package, "predictions_with_spread", broken)
    with pytest.raises(ContractError, match=r"task 'height'[^$]*key '2'"):
        scored(root, arriving())
    assert everything(root / "data/scored") == {}


def test_what_is_unusual_is_said_and_written(root: Path, arriving: Arriving) -> None:
    change(root, "min: 100, max: 250", "min: 1000")
    (root / "data/validated/lab/part-0000.parquet").unlink()
    done = scored(root, arriving(PEOPLE + "77,,\n"))
    assert done.warnings == (
        "height: 13 of 13 predictions outside 1000 …",
        "without a value of any input: 1 rows; what is predicted of them is the usual, no more",
        "no row has a value of the input 'blood'",
    )
    assert [line.startswith("  warning: ") for line in done.summary().splitlines()] == [False, True, True, True]


def test_what_stops_before_anything_is_written(root: Path, arriving: Arriving) -> None:
    with pytest.raises(SpecError, match="write 'people'"):
        score(root, "peple")
    with pytest.raises(DataError, match="no columns 'age', 'colour'"):
        scored(root, arriving("id\n1\n"))
    with pytest.raises(DataError, match=r"inbox/nobody.csv: there is no such file or folder[^$]*people.csv"):
        scored(root, Path("inbox/nobody.csv"))
    assert everything(root / "data/scored") == {}
    text = PARAMS.replace("{person: {key: id}}", "{person: {key: id}, planet: {key: id}}").replace("{path", "{entity: person, path")
    (root / SPEC).write_text(text.replace("sources:", "sources:\n  planets: {path: planets.csv, entity: planet}"))
    with pytest.raises(DataError, match=r"'planet'[^$]*version 3 reads: person"):
        score(root, "planets")


def test_on_the_command_line(
    root: Path, arriving: Arriving, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = arriving(PEOPLE, "inbox/date=2026-11-20/a.csv")
    monkeypatch.chdir(root)
    for more, day in ([], "20"), (["--date", "2026-11-22"], "22"):
        monkeypatch.setattr(sys, "argv", ["mtl", "score", "people", "--from", str(path.parent), *more])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code in (0, None)
        assert f"data/scored/people/date=2026-11-{day}/part-" in capsys.readouterr().out
    assert pl.read_parquet("data/scored/people").height == 24
