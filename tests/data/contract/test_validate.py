"""The whole of one source: nothing lost, nothing silent, the same bytes again."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from mtl.data.contract import check as check_module
from mtl.errors import ContractError, DataError
from mtl.files import read_json

DIRT = {"x": ["11", "-1", "many", "inf", "nan", None], "y": ["2", "perhaps", "Yes", None], "id": [None]}


def dirty(seed: int, rows: int = 400) -> pl.DataFrame:
    """A table with a tenth of its cells wrong or missing."""
    rng = random.Random(seed)
    table = []
    for i in range(rows):
        row = {"id": str(i), "x": str(round(rng.random() * 10, 3)), "y": rng.choice("01"), "extra": "e"}
        for column, wrong in DIRT.items():
            if rng.random() < (0.02 if column == "id" else 0.1):
                row[column] = rng.choice(wrong)
        table.append(row)
    return pl.DataFrame(table, schema=dict.fromkeys(["id", "x", "y", "extra"], pl.String))


def split_up(frame: pl.DataFrame, seed: int) -> list[pl.DataFrame]:
    rng = random.Random(seed)
    cuts = sorted({0, frame.height, *(rng.randrange(frame.height) for _ in range(4))})
    return [frame.slice(a, b - a) for a, b in pairwise(cuts)]


def bad_x(value: str | None) -> bool:
    if value is None or value == "nan":
        return False
    try:
        return not 0 <= float(value) <= 10
    except ValueError:
        return True


@pytest.mark.parametrize("seed", range(4))
def test_every_row_and_every_label_is_accounted_for(spec_of, run, seed):
    frame = dirty(seed)
    outcome = run(spec_of({"max_quarantined": 1.0}), split_up(frame, seed))
    rows = list(frame.iter_rows(named=True))
    gone = {i for i, row in enumerate(rows) if row["id"] is None or bad_x(row["x"])}
    assert outcome.rows["row"].to_list() == sorted(gone)
    assert outcome.validated["id"].to_list() == [row["id"] for i, row in enumerate(rows) if i not in gone]
    kept = [row for i, row in enumerate(rows) if i not in gone]
    words = {"0": "0", "1": "1", "Yes": "1"}
    assert outcome.validated["y"].to_list() == [words.get(row["y"] or "") for row in kept]
    assert outcome.report["labels"]["y"] == {
        "kept": sum(row["y"] in words for row in kept),
        "quarantined": sum(row["y"] in ("2", "perhaps") for row in kept),
        "missing": sum(row["y"] is None for row in kept),
    }
    assert outcome.cells["value"].to_list() == [row["y"] for row in kept if row["y"] in ("2", "perhaps")]
    report = outcome.report
    assert report["rows_in"] == report["rows_kept"] + report["rows_quarantined"] == frame.height
    assert report["nan_read_as_missing"] == {"x": sum(row["x"] == "nan" for row in rows)}


def test_each_quarantined_thing_has_its_reason_and_the_row_as_it_came(spec_of, run):
    frame = dirty(1)
    outcome = run(spec_of({"max_quarantined": 1.0}), frame)
    rows = outcome.rows
    assert rows.columns == ["row", "id", "x", "y", "extra", "reasons"]
    assert rows.drop("row", "reasons").equals(frame[rows["row"]])
    assert rows["reasons"].list.len().min() >= 1
    texts = set(rows["reasons"].explode())
    assert {
        "x: expected 0 … 10, found 11",
        "x: not a number, found many",
        "x: not finite, found inf",
        "id: missing, found nothing",
    } <= texts
    counts = {(r["what"], r["column"], r["reason"]): r["count"] for r in outcome.report["reasons"]}
    assert sum(n for (what, _, _), n in counts.items() if what == "cell") == outcome.cells.height
    assert all(len(r["examples"]) == min(5, r["count"]) for r in outcome.report["reasons"])
    assert outcome.cells["key"].to_list() == frame["id"][outcome.cells["row"]].to_list()


@pytest.mark.parametrize("seed", range(3))
def test_how_the_rows_come_in_files_changes_nothing(spec_of, run, seed):
    spec, frame = spec_of({"max_quarantined": 1.0}), dirty(seed)
    one, many = run(spec, frame), run(spec, split_up(frame, seed), place="b")
    assert one.report == many.report
    assert one.profile == many.profile
    assert one.validated.equals(many.validated)
    assert one.rows.equals(many.rows)
    assert one.cells.equals(many.cells)


def test_the_same_rows_give_the_same_bytes_in_another_process(spec_of, run, tmp_path):
    frame = dirty(3)
    run(spec_of({"max_quarantined": 1.0}), frame)
    script = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
import polars as pl
from conftest import make_spec
from mtl.data.contract import validate_source
a, b = (Path({str(tmp_path)!r}) / name for name in "ab")
validate_source(make_spec({{"max_quarantined": 1.0}}), "t", a / "ingested", {{}}, validated=b / "validated",
    quarantine=b / "quarantine", report=b / "report.json", profile=b / "profile.json")
"""
    subprocess.run([sys.executable, "-c", script], check=True, env={"POLARS_MAX_THREADS": "1", "PYTHONHASHSEED": "9"})
    ours, theirs = digests(tmp_path / "a"), digests(tmp_path / "b")
    assert ours == theirs
    assert len(ours) == 5


def digests(folder: Path) -> dict[str, str]:
    files = [f for f in sorted(folder.rglob("*")) if f.is_file() and "ingested" not in f.parts]
    return {str(f.relative_to(folder)): hashlib.md5(f.read_bytes()).hexdigest() for f in files}


def test_too_much_quarantine_stops_with_everything_there_to_look_at(spec_of, run, table, tmp_path):
    frame = table.with_columns(x=pl.when(pl.col("id").cast(pl.Int64) < 6).then(pl.lit("-3")).otherwise("x"))
    with pytest.raises(ContractError) as error:
        run(spec_of(), frame)
    text = str(error.value)
    for part in ("source 't'", "column 'x'", "10.0% in quarantine", "at most 5.0%", "6 of 60 rows", "max_quarantined"):
        assert part in text
    assert text.count("expected 0 … 10, found -3") == 3
    assert pl.read_parquet(tmp_path / "a" / "quarantine" / "rows.parquet").height == 6
    assert read_json(tmp_path / "a" / "report.json")["rows_quarantined"] == 6
    assert not (tmp_path / "a" / "validated").exists()
    assert not (tmp_path / "a" / "profile.json").exists()


def test_too_many_bad_labels_stop_too_and_are_a_share_of_the_labels_there_are(spec_of, run, table):
    y = pl.when(pl.col("id").cast(pl.Int64) >= 20).then(None).when(pl.col("id").is_in(["1", "2"])).then(pl.lit("?")).otherwise("y")
    with pytest.raises(ContractError, match=r"column 'y': 10\.0% in quarantine"):
        run(spec_of(), table.with_columns(y=y))
    assert run(spec_of({"max_quarantined": 0.1}), table.with_columns(y=y), place="b").report["labels"]["y"] == {
        "kept": 18, "quarantined": 2, "missing": 40,
    }  # fmt: skip


def test_a_reading_of_zero_costs_only_itself(spec_of, run):
    spec = spec_of(
        {
            "columns": {"d1": {"min": 20, "max": 200}, "d2": {"min": 20, "max": 200}}, "max_quarantined": 1.0,
            "derived": {"d": "(COALESCE(d1, 0) + COALESCE(d2, 0)) / NULLIF(CASE WHEN d1 IS NULL THEN 0 ELSE 1 END "
                             "+ CASE WHEN d2 IS NULL THEN 0 ELSE 1 END, 0)"},
        },
        tasks={"d": {"source": "t", "column": "d", "kind": "regression", "min": 30}},
    )  # fmt: skip
    cells = {"d1": ["60", "0", "0", None, "24"], "d2": ["70", "70", "0", None, "26"]}
    outcome = run(spec, pl.DataFrame({"id": list("abcde"), "x": ["1"] * 5, **cells}))
    assert outcome.validated["d"].to_list() == [65.0, 70.0, None, None, None]
    assert outcome.report["labels"]["d"] == {"kept": 2, "quarantined": 2, "missing": 1}
    assert outcome.cells.select("key", "column", "value").rows() == [
        ("b", "d1", "0"),
        ("c", "d1", "0"),
        ("c", "d2", "0"),
        ("e", "d", "25"),
    ]


def test_a_key_that_stands_twice(spec_of, run, table, tmp_path):
    frame = table.with_columns(id=pl.when(pl.col("id") == "50").then(pl.lit("7.0")).otherwise("id"))
    with pytest.raises(DataError, match=r"the key '7' \(id\) stands 2 times") as error:
        run(spec_of(), split_up(frame, 0))
    assert "rows 7, 50" in error.value.found
    assert not (tmp_path / "a" / "quarantine").exists()


def test_the_latest_row_of_a_key_counts_and_the_older_are_set_aside(spec_of, run):
    spec = spec_of({"repeats": "latest", "latest_by": "at", "max_quarantined": 0.3})
    frame = pl.DataFrame(
        {
            "id": ["a", "b", "a", "c", "a", "b"], "x": ["1", "2", "3", "4", "99", "6"], "y": ["0", "1", "0", "1", "0", "1"],
            "at": ["2026-01-01", "2026-03-01", "2026-02-01", "2026-01-01", "2026-05-01", "2026-02-01"],
        }
    )  # fmt: skip
    outcome = run(spec, split_up(frame, 2))
    assert sorted(outcome.validated.select("id", "x").rows()) == [("a", 3.0), ("b", 2.0), ("c", 4.0)]  # 99 is no row to trust
    assert sorted(outcome.rows["row"].to_list()) == [0, 4, 5]
    assert {r["reason"]: r["count"] for r in outcome.report["reasons"]} == {check_module.SUPERSEDED: 2, "expected 0 … 10": 1}


def test_typed_sources_and_columns_named_row_and_reasons(spec_of, run):
    columns = {"x": {}, "row": {"kind": "categorical", "values": ["1", "2"]}}
    spec = spec_of({"max_quarantined": 1.0}, inputs={"i": {"source": "t", "columns": columns}})
    frame = pl.DataFrame(
        {
            "id": [1, 2, 3],
            "x": [1.5, float("nan"), float("inf")],
            "row": [1.0, 3.0, 2.0],
            "y": [True, None, False],
            "reasons": [[1], [], None],
        }
    )
    outcome = run(spec, frame)
    assert outcome.validated.rows() == [("1", 1.5, "1", "true")]
    assert outcome.rows.columns == ["row", "id", "x", "row_", "y", "reasons_", "reasons"]
    assert outcome.report["nan_read_as_missing"] == {"x": 1}


def test_split_slice_and_test_columns_are_carried(spec_of, run, table):
    spec = spec_of(
        entities={"thing": {"key": "id", "split": {"by": "house", "test": "year >= 2020"}}},
        evaluation={"slices": {"x": [0, 5], "town": None, "elsewhere": None}},
    )
    frame = table.with_columns(house=pl.col("x"), year=pl.lit("2021"), town=pl.lit("Ulm"), unused=pl.lit("z"))
    schema = run(spec, frame).validated.schema
    assert dict(schema) == {
        "id": pl.String, "x": pl.Float64, "y": pl.String, "house": pl.String, "year": pl.Float64, "town": pl.String,
    }  # fmt: skip


def test_a_given_split_must_be_one_of_three_words(spec_of, run, table):
    spec = spec_of({"max_quarantined": 1.0}, entities={"thing": {"key": "id", "split": {"column": "part"}}})
    outcome = run(spec, table.with_columns(part=pl.Series(["train", "Test", None, "valid", "test"] * 12)))
    assert {r["reason"] for r in outcome.report["reasons"]} == {"expected one of train, valid, test", "missing"}
    assert outcome.report["rows_quarantined"] == 24


def test_the_summary_is_one_line(spec_of, run, table):
    frame = table.with_columns(y=pl.when(pl.col("id") == "3").then(pl.lit("?")).otherwise("y"))
    summary = run(spec_of(), frame).validation.summary()
    assert "60 of 60 rows kept" in summary
    assert "\n" not in summary


def test_an_expectation_that_only_warns_is_told_on_the_terminal(spec_of, run, table):
    mean = {"type": "expect_column_mean_to_be_between", "column": "x", "min_value": 1e6}
    assert "expectations failed" not in run(spec_of(), table, place="a").validation.summary()
    summary = run(spec_of({"expectations": [mean]}), table, place="b").validation.summary()
    assert "1 of " in summary
    assert "expectations failed: expect_column_mean_to_be_between of x" in summary


def test_nothing_to_validate(spec_of, run, table, tmp_path):
    with pytest.raises(DataError, match="no rows"):
        run(spec_of(), table.clear())
    with pytest.raises(DataError, match="nothing to validate"):
        run(spec_of(), [], place="b")


def test_no_row_left_stops_whatever_the_limit(spec_of, run, table):
    with pytest.raises(ContractError, match=r"100\.0% in quarantine"):
        run(spec_of({"max_quarantined": 1.0}), table.with_columns(x=pl.lit("-1")))


def test_every_type_can_lie_in_a_row_that_is_set_aside(spec_of, run):
    now = datetime(2026, 3, 31, 10, 30)
    odd = {
        "list": [[1, 2]], "struct": [{"a": 1}], "bytes": [b"ab"], "time": [now.time()], "span": [timedelta(hours=1)],
        "day": [now.date()], "decimal": [Decimal("1.50")], "float": [2.0], "truth": [True], "nothing": [None], "moment": [now],
    }  # fmt: skip
    bad = pl.DataFrame({"id": ["b"], "x": ["-1"], "y": ["1"], **odd})
    rows = run(spec_of({"max_quarantined": 1.0}), pl.concat([bad, bad.with_columns(id=pl.lit("g"), x=pl.lit("1"))])).rows
    shown = rows.row(0, named=True)
    assert {shown[c] for c in ("list", "struct", "bytes", "day", "decimal", "float", "truth")} == {
        '{"list":[1,2]}', '{"struct":{"a":1}}', "YWI=", "2026-03-31", "1.50", "2", "true",
    }  # fmt: skip


def test_the_profile_says_what_the_columns_look_like(spec_of, run, table):
    profile = run(spec_of(), table.with_columns(x=pl.when(pl.col("id") == "3").then(None).otherwise("x"))).profile
    assert profile["rows"] == 60
    assert list(profile["columns"]) == ["x", "y"]
    x = profile["columns"]["x"]
    assert (x["kind"], x["min"], x["max"], len(x["quantiles"])) == ("numeric", 0.0, 10.0, 11)
    assert x["nulls"] == pytest.approx(1 / 60)
    assert profile["columns"]["y"] == {"kind": "label", "nulls": 0.0, "values": {"0": 0.5, "1": 0.5}, "distinct": 2}
