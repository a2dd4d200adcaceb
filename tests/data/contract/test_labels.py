"""Cells of several labels: lists of any kind, and every way a text says one."""

from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.data.contract.cells import NOT_LABELS, cast
from mtl.data.contract.columns import uses_of
from mtl.data.contract.schema import broken, contract
from mtl.data.contract.use import Use
from mtl.errors import SpecError

USE = Use("t", "labels", "tasks.t.column", separator=";")
LABEL = st.text("abc 1", min_size=1).map(str.strip).filter(lambda text: text and not text.startswith("1"))


def read(cells: pl.Series, use: Use = USE) -> tuple[list[list[str] | None], list[int]]:
    """The lists, and the rows that are bad."""
    found = cast(cells.alias("t").to_frame(), [use])
    assert set(found.bad["reason"]) <= {NOT_LABELS}
    return found.frame["t"].to_list(), found.bad["row"].to_list()


@given(st.lists(st.one_of(st.none(), st.lists(LABEL)), min_size=1))
def test_a_list_its_json_and_its_text_are_the_same(cells: list[list[str] | None]) -> None:
    lists = read(pl.Series(cells, dtype=pl.List(pl.String)))
    assert lists == (cells, [])
    assert read(pl.Series([None if one is None else json.dumps(one) for one in cells], dtype=pl.String)) == lists
    assert read(pl.Series([None if one is None else " ; ".join(one) or ";" for one in cells], dtype=pl.String)) == lists


def test_blank_is_missing_and_an_empty_list_is_a_label() -> None:
    assert read(pl.Series(["", "  ", None, "[]", ";"])) == ([None, None, None, [], []], [])


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)), min_size=1))
def test_a_list_as_python_writes_it_is_one(cells: list[list[str]]) -> None:
    as_lists = read(pl.Series(cells, dtype=pl.List(pl.String)))
    assert read(pl.Series([str(one) for one in cells])) == as_lists


DEEP = "[" * 99_999 + "]" * 99_999


@pytest.mark.parametrize(
    "cells",
    [
        ["[a]"], ['["a", null]'], ['["a", ["b"]]'], [["a", None]], [["a", " "]], ['["a", "\\ud83d"]'], ["['a', '\\udfff']"],
        ["['a' 'b']"], ["['a', None]"], ["['\\U00110000']"], ["['a\\']"], ['["a", "\0"]'], ["['a\t']"], ['["a", "b'], [DEEP],
    ],
)  # fmt: skip
def test_what_is_no_list_of_labels_is_quarantined(cells: list[object]) -> None:
    assert read(pl.Series(cells)) == ([None], [0])


def test_numbers_and_truths_are_spelled_as_everywhere() -> None:
    assert read(pl.Series([[1.0, 2.5], [3.0]]))[0] == [["1", "2.5"], ["3"]]
    assert read(pl.Series(["[1.0, true, 2]", "1.0;True"]))[0] == [["1", "true", "2"], ["1", "true"]]
    assert read(pl.Series([7.0, None]))[0] == [["7"], None]


def test_a_label_that_the_spec_does_not_know_is_named() -> None:
    use = Use("t", "labels", "x", separator="|", allowed=(("red", "blue"),), spellings=("red", "blue"))
    frame = cast(pl.DataFrame({"t": ["red|blue", "red|green", "[]"]}), [use]).frame
    assert broken(contract([use]), frame).rows() == [(1, "t", "expected some of red, blue")]


def test_one_column_has_one_separator(spec_of) -> None:
    several = {"source": "t", "column": "tags", "kind": "multilabel"}
    spec = spec_of(tasks={"a": several, "b": {**several, "classes": ["x", "y"]}})
    assert uses_of(spec, "t")["tags"].separator == ";"
    with pytest.raises(SpecError, match="separator"):
        uses_of(spec_of(tasks={"a": several, "b": {**several, "separator": ","}}), "t")


def test_nothing_is_cut_by_a_column_of_lists(spec_of) -> None:
    """Said of the spec, and not by a crash after training."""
    tasks = {"a": {"source": "t", "column": "tags", "kind": "multilabel"}}
    with pytest.raises(SpecError, match=r"evaluation\.slices\.tags"):
        uses_of(spec_of(tasks=tasks, evaluation={"slices": {"tags": None}}), "t")
