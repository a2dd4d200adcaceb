"""A table that arrived becomes what `validate` would make of it, and nothing of the workspace changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mtl.data.contract.schema import DTYPES
from mtl.data.contract.validate import validate_source
from mtl.data.encode import raw_rows
from mtl.data.encodings import Encodings
from mtl.data.sources import ingest_source
from mtl.errors import ContractError, DataError, SpecError
from mtl.serving.batch import alike, cells_elsewhere, joined_rows, read_batch, rows_of
from mtl.spec import Spec
from tests.unit.serving.conftest import ENCODINGS, PEOPLE, change, everything, write_validated

Arriving = Callable[..., Path]


def test_rows_are_those_that_validate_keeps_and_the_workspace_stays(root: Path, spec: Spec, arriving: Arriving) -> None:
    text = PEOPLE.replace("3,23,red", "3,230,red").replace("5,25,red", "5,25,green")
    path = arriving(text.replace("\n", ",yes\n").replace("colour,yes", "colour,asthma").replace("7,27,red,yes", "7,27,red,perhaps"))
    before = everything(root)
    batch = read_batch(root, spec, "people", path)
    assert everything(root) == before
    (root / "people.csv").write_bytes((root / path).read_bytes())
    made = root.parent / "made"
    ingest_source(spec, "people", root, made / "ingested")
    files = {"validated": made / "validated", "quarantine": made / "quarantine", "report": made / "report.json"}
    done = validate_source(spec, "people", made / "ingested", {}, **files, profile=made / "profile.json")
    assert_frame_equal(batch.kept, pl.read_parquet(made / "validated/*.parquet"))
    assert batch.report == done.as_json() | {"expectations": []}
    assert batch.report["rows_quarantined"] == 2
    assert batch.report["labels"]["asthma"] == {"kept": 9, "quarantined": 1, "missing": 0}


def test_labels_may_be_absent_and_without_them_nothing_but_inputs_is_looked_at(root: Path, spec: Spec, arriving: Arriving) -> None:
    assert read_batch(root, spec, "people", arriving()).kept.columns == ["id", "age", "colour"]
    labelled = arriving(PEOPLE.replace("\n", ",maybe\n").replace("colour,maybe", "colour,asthma"))
    assert read_batch(root, spec, "people", labelled, labels=False).kept.columns == ["id", "age", "colour"]
    with pytest.raises(ContractError, match="asthma"):
        read_batch(root, spec, "people", labelled)


def test_every_input_column_that_is_absent_is_named(root: Path, spec: Spec, arriving: Arriving) -> None:
    with pytest.raises(DataError, match=r"inbox/people.csv: no columns 'age', 'colour'"):
        read_batch(root, spec, "people", arriving("id,ages\n1,30\n"))
    with pytest.raises(DataError, match=r"no column 'id'"):
        read_batch(root, spec, "people", arriving("age,colour\n30,red\n"))
    with pytest.raises(SpecError, match="write 'people'"):
        read_batch(root, spec, "peple")


def test_more_in_quarantine_than_the_source_allows_stops(root: Path, spec: Spec, arriving: Arriving) -> None:
    with pytest.raises(ContractError, match=r"50.0% in quarantine[^$]*look at inbox/people.csv"):
        read_batch(root, spec, "people", arriving(PEOPLE.replace("blue", "green")))


def test_derived_columns_of_absent_labels_are_left_out_and_those_of_inputs_are_not(root: Path, arriving: Arriving) -> None:
    derived = "people: {path: people.csv, derived: {old: 'age / 2', weighed: 'weight * 2'}, max_quarantined: 0.4}"
    spec = change(root, "people: {path: people.csv, max_quarantined: 0.4}", derived)
    spec = change(root, "tasks:", "tasks:\n  weight: {source: people, column: weighed, kind: regression}")
    spec = change(root, "age: {kind: numeric, min: 0, max: 120}", "old: {kind: numeric}, age: {kind: numeric}")
    assert read_batch(root, spec, "people", arriving()).kept["old"].to_list() == [10 + i / 2 for i in range(12)]
    assert "weighed" not in read_batch(root, spec, "people", arriving()).kept.columns
    with pytest.raises(DataError, match="no column 'age'"):
        read_batch(root, spec, "people", arriving("id,colour\n1,red\n"))


def test_few_rows_are_of_the_types_that_the_workspace_has(root: Path, arriving: Arriving) -> None:
    """A code of digits alone looks like a number, and a column without a cell like text."""
    derived = """people: {path: people.csv, derived: {site: "code || '-' || colour", double: 'dose * 2'}}"""
    spec = change(root, "people: {path: people.csv, max_quarantined: 0.4}", derived)
    spec = change(
        root, "colour: {kind: categorical", "double: {kind: numeric}, site: {kind: categorical}, colour: {kind: categorical"
    )
    path = arriving("id,age,colour,code,dose\n1,30,red,7,\n")
    with pytest.raises(SpecError, match="double"):
        read_batch(root, spec, "people", path)
    write_validated(root, "people", pl.DataFrame({"id": ["0"], "code": ["a7"], "dose": [1.0]}))
    kept = read_batch(root, spec, "people", path).kept
    assert kept.select("site", "double").row(0) == ("7-red", None)


@pytest.mark.parametrize("way", ["folder", "file", "absolute", "outside"])
def test_one_partition_has_the_columns_that_its_folders_say(root: Path, arriving: Arriving, way: str) -> None:
    spec = change(root, "key: id", "key: [id, date]")
    place = "../elsewhere/date=2026-11-22/a.csv" if way == "outside" else "inbox/date=2026-11-22/a.csv"
    path = arriving(PEOPLE, place)
    arriving(PEOPLE, place.replace("-22", "-23"))
    given = {"folder": path.parent, "file": path, "absolute": root / path.parent, "outside": path.parent}[way]
    kept = read_batch(root, spec, "people", given).kept
    assert kept["date"].unique().to_list() == ["2026-11-22"]
    assert kept.height == 12
    (root / path).write_text(PEOPLE + "12,9,red,9\n")
    with pytest.raises(DataError, match=r"date=2026-11-22/a.csv, line 14"):
        read_batch(root, spec, "people", given)


def test_a_file_stands_in_for_a_query(root: Path, arriving: Arriving) -> None:
    sql = "people: {path: state.json, url: 'sqlite:///none.db', query: 'select * from people', watermark: age}"
    spec = change(root, "people: {path: people.csv, max_quarantined: 0.4}", sql)
    assert read_batch(root, spec, "people", arriving()).kept.height == 12


def test_other_sources_come_from_the_workspace_where_the_entity_is_known(root: Path, spec: Spec, arriving: Arriving) -> None:
    write_validated(root, "lab", pl.DataFrame({"id": ["9"], "lead": [90.0]}), part=1)
    batch = read_batch(root, spec, "people", arriving())
    rows = rows_of(root, spec, ENCODINGS, batch)
    assert rows.columns == ["entity", "key", "age", "colour", "lead"]
    assert rows["key"].to_list() == [str(i) for i in range(12)]
    assert rows["lead"].to_list() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, None, None, None, 90.0, None, None]
    write_validated(root, "people", batch.kept)
    keys = rows.select("entity", "key")
    assert_frame_equal(rows, raw_rows(spec, ENCODINGS, root / "data/validated", keys).select(rows.columns))


def test_without_validated_rows_other_inputs_are_absent(root: Path, spec: Spec, arriving: Arriving) -> None:
    (root / "data/validated/lab/part-0000.parquet").unlink()
    rows = rows_of(root, spec, ENCODINGS, read_batch(root, spec, "people", arriving()))
    assert rows["lead"].null_count() == 12
    assert rows.schema["lead"] == pl.Float64
    batch = read_batch(root, spec, "lab", arriving("id,lead\n77,1.5\n", "inbox/lab.csv"))
    assert rows_of(root, spec, ENCODINGS, batch).row(0) == ("person", "77", None, None, 1.5)


def test_rows_that_are_numbered_as_they_come_join_nothing(root: Path, arriving: Arriving) -> None:
    spec = change(root, "people: {path: people.csv,", "people: {path: people.csv, row_number: id,")
    batch = read_batch(root, spec, "people", arriving("age,colour\n30,red\n"))
    assert batch.kept["id"].to_list() == ["1"]
    assert rows_of(root, spec, ENCODINGS, batch)["lead"].to_list() == [None]


def test_a_model_of_another_spec_is_told_apart(root: Path, spec: Spec, arriving: Arriving) -> None:
    write_validated(root, "lab", pl.DataFrame({"id": ["1"], "zinc": [1.0]}))
    with pytest.raises(DataError, match=r"part-0000.parquet[^$]*found:    no lead"):
        rows_of(root, spec, ENCODINGS, read_batch(root, spec, "people", arriving()))
    spec = change(root, "age: {kind: numeric, min: 0, max: 120}, ", "")
    with pytest.raises(DataError, match=r"input 'facts'[^$]*found:    no age"):
        rows_of(root, spec, ENCODINGS, read_batch(root, spec, "people", arriving("id,colour\n1,red\n")))


@pytest.mark.parametrize(
    ("age", "colour", "said"),
    [
        ("categorical", "categorical", r"'facts'[^$]*'age' as Float64[^$]*found:    String"),
        ("numeric", "numeric", r"'facts'[^$]*'colour' as String[^$]*found:    Float64"),
    ],
)
def test_a_column_that_is_no_longer_what_the_model_reads_is_refused(
    root: Path, arriving: Arriving, age: str, colour: str, said: str
) -> None:
    """As a category `1` is not `1.0`: read so, every row would be of a value that the model does not know."""
    change(root, "{kind: numeric, min: 0, max: 120}", f"{{kind: {age}}}")
    spec = change(root, "{kind: categorical, values: [blue, red]}", f"{{kind: {colour}}}")
    batch = read_batch(root, spec, "people", arriving("id,age,colour\n1,30,1\n2,31,2\n"))
    with pytest.raises(DataError, match=said):
        rows_of(root, spec, ENCODINGS, batch)


def test_so_is_one_of_another_source(root: Path, spec: Spec, arriving: Arriving) -> None:
    write_validated(root, "lab", pl.DataFrame({"id": ["1"], "lead": ["high"]}), part=1)
    with pytest.raises(DataError, match=r"'blood'[^$]*part-0001.parquet[^$]*'lead' as Float64[^$]*found:    String"):
        rows_of(root, spec, ENCODINGS, read_batch(root, spec, "people", arriving()))


@pytest.mark.parametrize("dtype", [pl.Int64(), pl.Float32(), pl.Decimal(10, 2), pl.Boolean(), pl.Null()])
def test_numbers_of_another_width_are_read_as_numbers(root: Path, spec: Spec, arriving: Arriving, dtype: pl.DataType) -> None:
    cell = None if dtype == pl.Null else True if dtype == pl.Boolean else 1
    write_validated(root, "lab", pl.DataFrame({"id": ["1"], "lead": pl.Series([cell], dtype=dtype)}))
    rows = rows_of(root, spec, ENCODINGS, read_batch(root, spec, "people", arriving()))
    assert rows["lead"].dtype == pl.Float64
    assert rows["lead"][1] == (None if dtype == pl.Null else 1.0)


@pytest.mark.parametrize(
    ("expected", "found", "good"),
    [
        (pl.List(pl.Float64), pl.List(pl.Float32), True), (pl.List(pl.Float64), pl.List(pl.Int64), True),
        (pl.List(pl.Int64), pl.List(pl.Int32), True), (pl.List(pl.Int64), pl.List(pl.Float64), False),
        (pl.List(pl.String), pl.List(pl.Float64), False), (pl.List(pl.String), pl.String(), False),
        (pl.String(), pl.Date(), False), (pl.Float64(), pl.Date(), False), (pl.Binary(), pl.String(), False),
    ],
)  # fmt: skip
def test_lists_are_alike_where_their_cells_are(expected: pl.DataType, found: pl.DataType, good: bool) -> None:
    assert alike(found, expected) is good


@pytest.mark.parametrize("kind", DTYPES)
def test_whatever_validate_writes_is_like_itself(kind: str) -> None:
    assert alike(DTYPES[kind], DTYPES[kind])


def test_what_other_sources_say_of_the_rows_is_those_columns_alone(root: Path, spec: Spec, arriving: Arriving) -> None:
    kept = read_batch(root, spec, "people", arriving()).kept
    (piece,) = cells_elsewhere(root, spec, ENCODINGS, "people", [kept])
    assert_frame_equal(piece, joined_rows(root, spec, ENCODINGS, "people", kept).select("lead"))
    alone = Encodings({"facts": ENCODINGS.inputs["facts"]}, ())
    assert list(cells_elsewhere(root, spec, alone, "people", [kept])) == []
    numbered = change(root, "people: {path: people.csv,", "people: {path: people.csv, row_number: id,")
    assert list(cells_elsewhere(root, numbered, ENCODINGS, "people", [kept])) == []
