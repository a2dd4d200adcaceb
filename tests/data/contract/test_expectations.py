"""Great Expectations: what the spec names, what it cannot name, what stops."""

from __future__ import annotations

import polars as pl
import pytest

from mtl.data.contract import expectations
from mtl.errors import ContractError, DataError, SpecError
from mtl.files import read_json


def with_expectation(spec_of, **expectation):
    return spec_of({"expectations": [expectation]})


def own(outcome):
    """The verdict on the spec's own expectation: the last."""
    return outcome.report["expectations"][-1]


def test_an_expectation_of_the_spec_is_judged_and_said_in_words(spec_of, run, table):
    spec = with_expectation(spec_of, type="expect_column_mean_to_be_between", column="x", min_value=9, max_value=10)
    verdict = own(run(spec, table))
    assert verdict == {
        "type": "expect_column_mean_to_be_between", "column": "x", "severity": "warn", "success": False,
        "expected": "mean: 9 … 10", "observed": "4.75",
    }  # fmt: skip


def test_one_of_severity_stop_stops_after_the_report(spec_of, run, table, tmp_path):
    spec = with_expectation(spec_of, type="expect_table_row_count_to_be_between", min_value=1000, severity="stop")
    with pytest.raises(ContractError, match="expect_table_row_count_to_be_between") as error:
        run(spec, table)
    assert (error.value.expected, error.value.found) == ("rows: at least 1,000", "60")
    assert not read_json(tmp_path / "a" / "report.json")["expectations"][-1]["success"]
    assert (tmp_path / "a" / "quarantine" / "rows.parquet").is_file()
    assert not (tmp_path / "a" / "validated").exists()


def test_a_column_that_nothing_else_uses_may_be_expected_of(spec_of, run, table):
    spec = with_expectation(spec_of, type="expect_column_max_to_be_between", column="z", max_value=3)
    assert own(run(spec, table.with_columns(z=pl.lit("4"))))["observed"] == "4"
    with pytest.raises(DataError, match="no column 'z'"):
        run(spec, table, place="b")


@pytest.mark.parametrize(
    ("expectation", "place", "do"),
    [
        (
            {"type": "expect_column_mean_to_be_betwen", "column": "x"},
            r"expectations\.0\.type",
            "write 'expect_column_mean_to_be_between'",
        ),
        (
            {"type": "expect_column_mean_to_be_between", "column": "x", "min_valu": 3},
            r"expectations\.0\.min_valu",
            "write 'min_value'",
        ),
        ({"type": "expect_column_mean_to_be_between", "min_value": 3}, r"expectations\.0\.column", "correct the argument"),
        (
            {"type": "expect_column_mean_to_be_between", "column": "y_text", "min_value": 3},
            "expectations.0: expect_column_mean",
            "correct",
        ),
    ],
)
def test_what_great_expectations_does_not_know_is_an_error_of_the_spec(spec_of, run, table, expectation, place, do):
    with pytest.raises(SpecError, match=place) as error:
        run(with_expectation(spec_of, **expectation), table.with_columns(y_text=pl.lit("a")))
    assert do in error.value.do


def test_a_large_table_is_sampled_but_its_rows_are_counted(spec_of, run, monkeypatch):
    monkeypatch.setattr(expectations, "SAMPLE", 100)
    monkeypatch.setattr("mtl.data.contract.profile.NUMBERS", 50)
    rows = 1050
    table = pl.DataFrame({"id": range(rows), "x": [float(i % 10) for i in range(rows)], "y": [i % 2 for i in range(rows)]})
    outcome = run(spec_of(), [table.head(333), table.slice(333)])
    said = {(v["type"], v["column"]): v["observed"] for v in outcome.report["expectations"]}
    assert said["expect_table_row_count_to_be_between", None] == "1,050"
    assert said["expect_column_mean_to_be_between", "x"].endswith("(of 50 rows, evenly spaced among 1,050)")
    whole = expectations.sample(outcome.folder / "validated", ["id"], rows)["id"].cast(pl.Int64).to_list()
    assert whole == list(range(0, rows, 11))


def test_the_terminal_stays_quiet(spec_of, run, table, capfd):
    run(spec_of(), table)
    assert capfd.readouterr() == ("", "")


def test_against_a_profile_of_the_same_rows_all_holds_and_a_new_label_is_noticed(spec_of, run, table):
    spec = spec_of(tasks={"y": {"source": "t", "column": "y", "kind": "multiclass"}})
    reference = {"t": run(spec, table).profile}
    again = run(spec, table, reference, place="b").report
    assert again["compared_with"] == "profile"
    assert all(v["success"] for v in again["expectations"])
    strange = table.with_columns(y=pl.when(pl.col("id") == "7").then(pl.lit("new")).otherwise("y"))
    failed = [v for v in run(spec, strange, reference, place="c").report["expectations"] if not v["success"]]
    assert [(v["type"], v["observed"]) for v in failed] == [("expect_column_distinct_values_to_be_in_set", "1 otherwise: new")]
