from __future__ import annotations

import datetime
import sys
from pathlib import Path

import polars as pl
import pytest

from mtl.cli import main
from mtl.errors import ContractError, DataError, RegistryError, SpecError
from mtl.files import read_json
from mtl.monitoring.monitor import monitor
from mtl.registry.verbs import champion as champion_of
from mtl.spec import read_spec
from tests.flows.monitoring.conftest import people, run

pytestmark = pytest.mark.slow

DAY = datetime.date(2026, 11, 22)
LIKE, OLDER = "like.csv", "older.csv"


@pytest.fixture(autouse=True)
def batches(watched: Path) -> None:
    """One batch like the reference; one in which a third of the rows have a single, common age, and nothing else changed."""
    rows = people(1200, 3)
    rows.write_csv(watched / LIKE)
    rows.with_columns(age=pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit("60")).otherwise("age")).write_csv(watched / OLDER)


def mtl(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["mtl", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def reference_file(root: Path) -> Path:
    (file,) = root.glob("mlruns/**/reference.json")
    return file


def test_a_batch_like_the_reference_does_not_drift(watched: Path) -> None:
    told = monitor(watched, "people", Path(LIKE), DAY)
    assert (told.verdict, told.drifted, told.notes) == ("nothing drifted", (), ())
    aspects = {one.aspect for one in told.findings}
    assert aspects == {"values", "nulls", "predictions"}
    assert "nothing drifted" in told.summary()


def test_a_batch_that_drifts_in_one_column_says_in_which(watched: Path) -> None:
    told = monitor(watched, "people", Path(OLDER), DAY)
    assert told.verdict == "drifted"
    assert {one.where for one in told.drifted if one.aspect == "values"} == {"people.age"}
    (age,) = (one for one in told.drifted if one.where == "people.age")
    assert age.line.startswith("people.age: psi ")
    assert "mean 3" in age.told
    report = read_json(watched / told.report)
    assert report["verdict"] == "drifted"
    assert age.line in report["drifted"]
    assert report["profile"]["columns"]["people.age"]["rows"] == told.rows["kept"]
    assert "people.age" in (watched / told.page).read_text()


def test_the_same_batch_gives_the_same_bytes(watched: Path) -> None:
    first = monitor(watched, "people", Path(OLDER), DAY)
    before = [(watched / file).read_bytes() for file in (first.report, first.page)]
    monitor(watched, "people", Path(OLDER), DAY)
    assert [(watched / file).read_bytes() for file in (first.report, first.page)] == before


def test_labels_are_compared_where_the_batch_brings_them(watched: Path) -> None:
    rows = pl.read_csv("questionnaire.csv", infer_schema=False).sample(800, seed=1)
    rows.write_csv("same_labels.csv")
    rows.with_columns(diabetes=pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("1")).otherwise("diabetes")).write_csv(
        "ill.csv"
    )
    same = monitor(watched, "questionnaire", Path("same_labels.csv"), DAY)
    assert [one.where for one in same.findings if one.aspect == "labels"] == ["tasks.diabetes"]
    assert not same.drifted
    told = monitor(watched, "questionnaire", Path("ill.csv"), DAY)
    assert [(one.where, one.aspect) for one in told.drifted] == [("tasks.diabetes", "labels")]


def test_new_keys_are_judged_by_what_their_source_alone_says(watched: Path) -> None:
    people(800, 4).with_columns(respondent_id=pl.col("respondent_id").cast(pl.Int64) + 10**7).write_csv("new.csv")
    told = monitor(watched, "people", Path("new.csv"), DAY)
    assert told.verdict == "nothing drifted"
    assert "source 'laboratory' does not know 100%" in told.notes[0]
    assert {one.part for one in told.findings if one.aspect == "predictions"} == {"people alone"}


def test_at_the_terminal(watched: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert mtl(monkeypatch, "monitor", "people", "--from", LIKE, "--date", "2026-11-22", "--fail") == 0
    assert "comparisons)" in capsys.readouterr().out
    assert mtl(monkeypatch, "monitor", "people", "--from", OLDER, "--date", "2026-11-22") == 0
    assert mtl(monkeypatch, "monitor", "people", "--from", OLDER, "--date", "2026-11-22", "--fail") == 3
    assert "people.age: psi" in capsys.readouterr().out
    assert len(list((watched / "reports/monitoring").glob("people-2026-11-22-*.html"))) == 2, "one of each batch"


def test_a_column_that_is_of_another_type_now_is_named(watched: Path) -> None:
    said = watched / "params.yaml"
    said.write_text(said.read_text().replace("age: {kind: numeric, min: 0, max: 80}", "age: {kind: categorical}"))
    with pytest.raises(DataError, match=r"(?s)age.*another params\.yaml"):
        monitor(watched, "people", Path(LIKE), DAY)


def test_too_few_rows_are_no_verdict(watched: Path) -> None:
    people(99, 1).with_columns(age=pl.lit("60")).write_csv("few.csv")
    told = monitor(watched, "people", Path("few.csv"), DAY)
    assert (told.verdict, told.findings) == ("too few rows", ())
    assert "too few rows to tell (100 are needed)" in told.summary()


def test_thresholds_of_nothing_are_refused(watched: Path) -> None:
    said = watched / "params.yaml"
    said.write_text(said.read_text() + "operations: {monitor: {columns: {people.aeg: {psi: 0.5}}}}\n")
    with pytest.raises(SpecError, match=r"people\.age"):
        monitor(watched, "people", Path(LIKE), DAY)


def test_thresholds_of_a_column_hold(watched: Path) -> None:
    said = watched / "params.yaml"
    said.write_text(said.read_text() + "operations: {monitor: {columns: {people.age: {psi: 9}}, ignore: [tasks.diabetes]}}\n")
    told = monitor(watched, "people", Path(OLDER), DAY)
    assert "people.age" not in {one.where for one in told.drifted}
    assert "tasks.diabetes" not in {one.where for one in told.findings}


def test_a_version_without_a_profile_says_what_to_run_and_that_helps(watched: Path) -> None:
    file = reference_file(watched)
    before, version = file.read_bytes(), champion_of(watched, read_spec(watched / "params.yaml"))
    file.unlink()
    with pytest.raises(RegistryError, match="mtl run"):
        monitor(watched, "people", Path(LIKE), DAY)
    assert "already champion" in run("register")
    assert reference_file(watched).read_bytes() == before
    assert champion_of(watched, read_spec(watched / "params.yaml")) == version


def test_what_breaks_its_contract_is_no_matter_of_drift(watched: Path) -> None:
    people(500, 1).with_columns(bmi=pl.lit("9999")).write_csv("broken.csv")
    with pytest.raises(ContractError):
        monitor(watched, "people", Path("broken.csv"), DAY)
