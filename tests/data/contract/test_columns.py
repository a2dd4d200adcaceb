"""Which columns the spec uses of a source, and how."""

from __future__ import annotations

import pytest

from mtl.data.contract.columns import expected_columns, uses_of
from mtl.errors import SpecError


def test_every_part_of_the_spec_that_names_a_column_is_heard(spec_of):
    spec = spec_of(
        {
            "columns": {"part": {"min": 0}}, "derived": {"whole": "part + other"}, "repeats": "latest", "latest_by": "seen",
            "expectations": [{"type": "expect_column_pair_values_to_be_equal", "column_A": "p", "column_B": "q"}],
        },
        entities={"thing": {"key": ["id", "day"], "split": {"by": "house", "test": "site = 'north'"}}},
        tasks={"y": {"source": "t", "column": "whole", "kind": "regression", "for_each": {"column": "school"}}},
        evaluation={"slices": {"x": [0, 5], "town": None}},
    )  # fmt: skip
    uses = uses_of(spec, "t")
    assert list(uses)[:2] == ["id", "day"]
    assert {c: u.kind for c, u in uses.items()} == {
        "id": "text", "day": "text", "x": "numeric", "whole": "numeric", "school": "text", "part": "numeric", "seen": "time",
        "other": "plain", "p": "plain", "q": "plain", "house": "text", "site": "plain", "town": "text",
    }  # fmt: skip
    assert {c for c, u in uses.items() if u.costs == "row"} == {"id", "day", "x", "seen", "house"}
    assert {c for c, u in uses.items() if u.optional} == {"house", "site", "town"}


def test_a_target_that_is_an_input_elsewhere_keeps_both_contracts_and_costs_the_row(spec_of):
    spec = spec_of(
        inputs={
            "i": {"source": "t", "columns": {"x": {}}},
            "j": {"source": "t", "columns": {"y": {"kind": "categorical", "values": ["1", "0", "9"]}}},
        },
        tasks={"y": {"source": "t", "column": "y", "kind": "multiclass", "classes": ["0", "1"], "inputs": ["i"]}},
    )
    use = uses_of(spec, "t")["y"]
    assert (use.kind, use.costs, use.tasks) == ("label", "row", ("y",))
    assert set(use.allowed) == {("1", "0", "9"), ("0", "1")}


def test_tasks_on_one_column_allow_each_others_labels(spec_of):
    task = {"source": "t", "column": "y"}
    spec = spec_of(
        tasks={
            "a": {**task, "kind": "binary", "positive": "hi", "negative": "lo"},
            "b": {**task, "kind": "ordinal", "classes": ["lo", "mid", "hi"]},
        }
    )
    assert uses_of(spec, "t")["y"].allowed == (("lo", "hi", "mid"),)
    spec = spec_of(
        tasks={
            "a": {**task, "kind": "binary", "positive": "hi"},
            "b": {**task, "kind": "ordinal", "classes": ["lo", "mid", "hi"]},
        }
    )
    assert uses_of(spec, "t")["y"].allowed == ()


def test_a_column_wanted_in_two_types_is_an_error_of_the_spec(spec_of):
    spec = spec_of(
        inputs={"i": {"source": "t", "columns": {"x": {}}}, "j": {"source": "t", "columns": {"y": {}}}},
        tasks={"y": {"source": "t", "column": "y", "kind": "binary", "inputs": ["i"]}},
    )
    with pytest.raises(SpecError, match=r"tasks\.y\.column: column 'y' of source 't'") as error:
        uses_of(spec, "t")
    assert "numeric, as inputs.j.columns.y says" in error.value.expected
    assert "derived" in error.value.do


def test_sql_that_does_not_parse_is_named_with_its_place(spec_of):
    spec = spec_of(entities={"thing": {"key": "id", "split": {"test": "site = "}}})
    with pytest.raises(SpecError, match=r"entities\.thing\.split\.test"):
        uses_of(spec, "t")


def test_expectations_name_their_columns_in_three_ways():
    assert expected_columns({"column": "a", "column_list": ["b", "c"], "value_set": ["d"]}) == ["a", "b", "c"]
    assert expected_columns({"column_A": "a", "column_B": "b"}) == ["a", "b"]
