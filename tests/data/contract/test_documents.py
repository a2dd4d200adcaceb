"""Texts and vectors under contract: what is empty, too long, no list of numbers or of another length goes to quarantine."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from mtl.errors import DataError, SpecError
from tests.data.contract.conftest import Run, make_spec

TEXT = {"i": {"source": "t", "kind": "text", "column": "x", "max_chars": 12}}
VECTOR = {"i": {"source": "t", "kind": "vector", "column": "x", "size": 2}}
LENIENT = {"max_quarantined": 1.0}


def reasons(outcome: Any) -> dict[str, str]:
    """Key → why its row is in quarantine."""
    rows = outcome.rows.select("id", pl.col("reasons").list.join("; "))
    return {str(key): said for key, said in rows.iter_rows()}


def test_an_empty_or_endless_text_is_quarantined_and_a_missing_one_is_not(run: Run) -> None:
    cells = ["fine", "", " \n", None, "x" * 2**20, "twelve chars"]
    outcome = run(make_spec(LENIENT, inputs=TEXT), pl.DataFrame({"id": range(6), "x": cells, "y": [0, 1] * 3}))
    said = reasons(outcome)
    assert (said["1"], said["2"]) == ("x: an empty text, found ", "x: an empty text, found  \n")
    assert said["4"] == f"x: expected at most 12 characters, found {'x' * 100}… (1048576 characters)"
    assert outcome.rows["x"].to_list()[2] == cells[4]
    assert len(outcome.report["reasons"][0]["examples"][0]["value"]) < 150
    assert outcome.validated["x"].to_list() == ["fine", None, "twelve chars"]


@pytest.mark.parametrize("text", [False, True])
def test_vectors_are_checked_number_by_number(run: Run, text: bool) -> None:
    cells: list[Any] = [[1, 2.5], [1], None, [1, 2, 3], [0.0, float("inf")], [-1, 0], [3e38, 0], [1e39, 0]]
    if text:
        cells = [None if c is None else str(c) for c in cells]
    outcome = run(make_spec(LENIENT, inputs=VECTOR), pl.DataFrame({"id": range(8), "x": cells, "y": [0, 1] * 4}, strict=False))
    said = {key: why.split(", found")[0] for key, why in reasons(outcome).items()}
    assert said == {"1": "x: expected 2 numbers", "3": "x: expected 2 numbers", "4": "x: not finite", "7": "x: not finite"}
    assert outcome.validated["x"].to_list() == [[1.0, 2.5], None, [-1.0, 0.0], [3e38, 0.0]]


@pytest.mark.parametrize("cell", ["[1, two]", "1;x", "nothing", "[1,,2]"])
def test_what_is_no_list_of_numbers_is_quarantined_as_it_came(run: Run, cell: str) -> None:
    table = pl.DataFrame({"id": [1, 2, 3], "x": ["[1, 2]", cell, "3 4"], "y": [0, 1, 0]})
    outcome = run(make_spec(LENIENT, inputs=VECTOR), table)
    assert outcome.rows["x"].to_list() == [cell]
    assert "not a list of numbers such as [0.5, -1]" in reasons(outcome)["2"]
    assert outcome.validated["x"].to_list() == [[1.0, 2.0], [3.0, 4.0]]


def test_an_array_of_fixed_width_is_a_vector_too(run: Run) -> None:
    x = pl.Series("x", [[1, 2], [3, 4]], dtype=pl.Array(pl.Int16, 2))
    outcome = run(make_spec(inputs=VECTOR), pl.DataFrame({"id": [1, 2], "y": [0, 1]}).with_columns(x))
    assert outcome.validated["x"].to_list() == [[1.0, 2.0], [3.0, 4.0]]


def test_a_list_of_texts_is_no_vector(run: Run) -> None:
    table = pl.DataFrame({"id": [1, 2], "x": [["a"], ["b"]], "y": [0, 1]})
    with pytest.raises(DataError, match=r"(?s)column 'x'.*lists of numbers"):
        run(make_spec(inputs=VECTOR), table)


def test_the_profile_keeps_no_text(run: Run) -> None:
    outcome = run(make_spec(inputs=TEXT), pl.DataFrame({"id": [1, 2, 3, 4], "x": ["private", "words", None, "a"], "y": [0, 1] * 2}))
    assert outcome.profile["columns"]["x"] == {"kind": "read", "nulls": 0.25}
    empty = pl.DataFrame({"id": [1, 2], "x": [None, None], "y": [0, 1]}, schema_overrides={"x": pl.String})
    again = run(make_spec(inputs=TEXT), empty, place="b")
    failed = [e["column"] for e in again.report["expectations"] if not e["success"]]
    assert failed == ["x"]


def test_a_column_cannot_be_a_vector_and_a_number() -> None:
    from mtl.data.contract.columns import uses_of

    both = {**VECTOR, "j": {"source": "t", "columns": {"x": {}}}}
    with pytest.raises(SpecError, match="column 'x'"):
        uses_of(make_spec(inputs=both), "t")


def test_a_text_that_is_also_a_category_keeps_the_contract_of_a_text(run: Run) -> None:
    both = {**TEXT, "j": {"source": "t", "columns": {"x": {"kind": "categorical"}}}}
    outcome = run(make_spec(LENIENT, inputs=both), pl.DataFrame({"id": range(4), "x": ["a", "", "b", None], "y": [0, 1] * 2}))
    assert list(reasons(outcome)) == ["1"]
    assert outcome.profile["columns"]["x"]["kind"] == "read"


def test_two_sizes_of_one_vector_are_refused() -> None:
    from mtl.data.contract.columns import uses_of

    both = {**VECTOR, "j": {"source": "t", "kind": "vector", "column": "x", "size": 3}}
    with pytest.raises(SpecError, match=r"(?s)inputs\.j\.column.*size 2.*size 3"):
        uses_of(make_spec(inputs=both), "t")


@pytest.mark.parametrize("text", [False, True])
def test_bits_are_checked_place_by_place(run: Run, text: bool) -> None:
    """An empty list is a list; a fraction, a place outside or beyond all whole numbers, and what is none are not."""
    bits = {"i": {**VECTOR["i"], "size": 8, "format": "bits"}}
    cells: list[Any] = [[0, 7], [], [8], None, [-1, 2], [1.5], [3], [float("nan"), 3], [float("inf")], [1e30]]
    if text:
        cells = [None if c is None else str(c) for c in cells]
    outcome = run(make_spec(LENIENT, inputs=bits), pl.DataFrame({"id": range(10), "x": cells, "y": [0] * 10}, strict=False))
    said = {key: why.split(", found")[0] for key, why in reasons(outcome).items()}
    assert said == {
        "2": "x: expected places from 0 to 7", "4": "x: expected places from 0 to 7",
        "5": "x: not a list of places of bits such as [3, 17]", **dict.fromkeys("789", "x: expected places from 0 to 7"),
    }  # fmt: skip
    assert outcome.validated["x"].to_list() == [[0, 7], [], None, [3]]
