"""What is wrong with what comes in: one message that names the place, the right exit code, and nothing made is damaged."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from mtl.cli import main
from mtl.errors import DataError
from mtl.files import read_json

from .conftest import PARAMS, tables

Stage = Callable[..., str]


def mtl(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Exit code of the command line, run in this process."""
    monkeypatch.setattr(sys, "argv", ["mtl", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def csv(project: Path, text: str, file: str = "people.csv") -> None:
    (project / file).write_text(text)


HEAD = "id,age,height,city,team\n"

BROKEN_FILES: dict[str, tuple[bytes | None, list[str]]] = {
    "not there": (None, ["people.csv", "no such file"]),
    "empty": (b"", ["people.csv", "empty"]),
    "no key column": (b"nr,age,height,city,team\n1,2,3,rome,red\n", ["people.csv", "'id'", "nr"]),
    "null key": (HEAD.encode() + b"1,30,170,rome,red\n,31,171,rome,blue\n", ["people.csv", "line 3", "id"]),
    "double key": (HEAD.encode() + b"7,30,170,rome,red\n7,31,171,rome,blue\n", ["people.csv", "'7'"]),
    "latin-1": (HEAD.encode() + "1,30,170,Málaga,red\n".encode("latin-1"), ["people.csv", "line 2", "latin-1"]),
    "cut short": (HEAD.encode() + b'1,30,170,rome,red\n2,31,171,"ro', ["people.csv", "line 3"]),
}


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_a_broken_file_is_named_with_its_place(
    case: str, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content, words = BROKEN_FILES[case]
    kept = project / "data/ingested/people/part-0000.parquet"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"an earlier table")
    (project / "people.csv").unlink()
    if content is not None:
        (project / "people.csv").write_bytes(content)
    assert mtl(monkeypatch, "ingest", "people") == 1
    said = capsys.readouterr().err
    assert all(word in said for word in words), said
    assert "Traceback" not in said
    assert kept.read_bytes() == b"an earlier table"


def test_bad_rows_and_bad_labels_are_set_aside_each_with_its_reason(project: Path, stage: Stage) -> None:
    """A bad input costs the row, a bad label costs its own task one label; rows in = kept + quarantined."""
    people, visits = tables()["people"], tables()["visits"]
    text = people.with_columns(pl.col("age").cast(pl.String)).with_columns(
        age=pl.when(pl.col("id") == 5).then(pl.lit("old")).when(pl.col("id") == 6).then(pl.lit("inf")).otherwise("age")
    )
    text.write_csv(project / "people.csv")
    spoiled = visits.with_columns(
        mood=pl.when(pl.col("id") == 7).then(pl.lit("meh")).otherwise("mood"),
        weight=pl.when(pl.col("id") == 8).then(9000.0).otherwise("weight"),
    )
    spoiled.write_csv(project / "visits.csv")
    for source in ("people", "visits"):
        stage("ingest", source)
        stage("validate", source)
    reports = {s: read_json(project / f"reports/validation/{s}.json") for s in ("people", "visits")}
    assert all(r["rows_in"] == r["rows_kept"] + r["rows_quarantined"] for r in reports.values())
    assert reports["people"]["rows_quarantined"] == 2
    assert reports["visits"]["labels"]["mood"]["quarantined"] == reports["visits"]["labels"]["weight"]["quarantined"] == 1
    rows = pl.read_parquet(project / "data/quarantine/people/rows.parquet")
    assert min(map(len, rows["reasons"])) == 1
    cells = pl.read_parquet(project / "data/quarantine/visits/cells.parquet")
    assert set(cells["column"]) == {"mood", "weight"}
    assert cells["reason"].null_count() == 0
    kept = pl.read_parquet(project / "data/validated/visits/part-0000.parquet").filter(pl.col("id") == "7")
    assert kept["mood"].to_list() == [None]
    assert kept["weight"].null_count() == 0


def test_too_much_in_quarantine_stops_the_run(
    project: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tables()["people"].with_columns(age=pl.when(pl.col("id") % 4 == 0).then(-1).otherwise("age")).write_csv(project / "people.csv")
    stage("ingest", "people")
    assert mtl(monkeypatch, "validate", "people") == 1
    said = capsys.readouterr().err
    assert "age" in said
    assert "max_quarantined" in said
    assert (project / "data/quarantine/people/rows.parquet").is_file()


def test_a_category_never_seen_in_training_has_a_code_of_its_own(project: Path, stage: Stage) -> None:
    for source in ("people", "visits"):
        stage("ingest", source)
        stage("validate", source)
    stage("split")
    held_out = pl.read_parquet("data/split.parquet").filter(pl.col("split") == "test")["key"][0]
    people = tables()["people"].with_columns(city=pl.when(pl.col("id") == int(held_out)).then(pl.lit("atlantis")).otherwise("city"))
    people.write_csv(project / "people.csv")
    for name in ("ingest", "validate"):
        stage(name, "people")
    stage("encode")
    codes = pl.read_parquet("data/encoded/inputs/facts.parquet")
    assert codes.filter(pl.col("key") == held_out)["city"].to_list() == [1]


SPECS: dict[str, tuple[str, str, list[str]]] = {
    "unknown key": ("max_epochs: 4", "max_epoch: 4", ["line 22", "max_epoch", "'max_epochs'"]),
    "task without inputs": ("kind: multiclass}", "kind: multiclass, inputs: []}", ["tasks.team", "input"]),
    "two tasks of one name": ("  team: {", "  ill: {", ["ill"]),
    "unknown source": ("source: visits, column: ill", "source: visit, column: ill", ["tasks.ill.source", "'visits'"]),
    "wrong kind": ("kind: regression", "kind: regresion", ["tasks.weight.kind", "regresion"]),
    "not YAML": ("entities:", "entities: [", ["params.yaml"]),
}


@pytest.mark.parametrize("case", SPECS)
def test_a_wrong_spec_names_line_and_key(
    case: str, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right, wrong, words = SPECS[case]
    assert right in PARAMS
    (project / "params.yaml").write_text(PARAMS.replace(right, wrong))
    assert mtl(monkeypatch, "check") == 2
    said = capsys.readouterr().err
    assert all(word in said for word in words), said


def test_a_target_column_that_is_missing_is_found_by_check(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tables()["visits"].rename({"mood": "moods"}).write_csv(project / "visits.csv")
    assert mtl(monkeypatch, "check") != 0
    said = capsys.readouterr().err
    assert "mood" in said
    assert "moods" in said


def whole_way_to_the_encodings(stage: Stage) -> None:
    for name in ("ingest", "validate"):
        for source in ("people", "visits"):
            stage(name, source)
    for name in ("split", "encode"):
        stage(name)


@pytest.mark.parametrize("value", [None, "yes"])
def test_a_target_that_is_empty_or_of_one_class_stops_the_run(value: str | None, project: Path, stage: Stage) -> None:
    tables()["visits"].with_columns(ill=pl.lit(value, pl.String)).write_csv(project / "visits.csv")
    with pytest.raises(DataError, match="ill"):
        whole_way_to_the_encodings(stage)


def test_a_full_disk_leaves_what_was_there(
    project: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for source in ("people", "visits"):
        stage("ingest", source)
        stage("validate", source)
    stage("split")
    before = (project / "data/split.parquet").read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "data/.split.parquet.partial")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    assert mtl(monkeypatch, "split") == 1
    assert "No space left" in capsys.readouterr().err
    assert (project / "data/split.parquet").read_bytes() == before
