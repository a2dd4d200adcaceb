"""Pandera's verdict on single cells, against a plain reading of the contract."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaErrors

from mtl.data.contract.schema import broken, contract, in_words
from mtl.data.contract.use import Use

CELLS = st.none() | st.floats(-20, 20) | st.sampled_from([math.inf, -math.inf, 0.0, 10.0])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELLS, st.none() | st.sampled_from("abc"), st.none() | st.text(max_size=2)), min_size=1, max_size=15))
def test_exactly_the_bad_cells_are_found(rows):
    uses = [
        Use("x", "numeric", "", bounds=((0.0, 10.0), (None, 8.0))),
        Use("y", "label", "", allowed=(("a", "b"),)),
        Use("k", "text", "", nullable=False),
    ]
    frame = pl.DataFrame(rows, schema={"x": pl.Float64, "y": pl.String, "k": pl.String}, orient="row")
    expected = {(i, "x") for i, (x, _, _) in enumerate(rows) if x is not None and not 0 <= x <= 8}
    expected |= {(i, "y") for i, (_, y, _) in enumerate(rows) if y == "c"}
    expected |= {(i, "k") for i, (_, _, k) in enumerate(rows) if k is None}
    found = broken(contract(uses), frame)
    assert found.select("row", "column").rows() == found.select("row", "column").unique(maintain_order=True).rows()
    assert set(found.select("row", "column").iter_rows()) == expected


def test_the_first_reason_counts():
    frame = pl.DataFrame({"x": [math.inf, 11.0]})
    found = broken(contract([Use("x", "numeric", "", bounds=((0.0, 10.0),))]), frame)
    assert found.sort("row")["reason"].to_list() == ["not finite", "expected 0 … 10"]


def test_what_is_no_matter_of_cells_is_raised():
    with pytest.raises(SchemaErrors):
        broken(contract([Use("x", "numeric", "")]), pl.DataFrame({"x": ["1"]}))
    with pytest.raises(SchemaErrors):
        broken(contract([Use("x", "numeric", "")]), pl.DataFrame({"z": [1.0]}))


def test_reasons_are_short():
    assert in_words(("a", "b")) == "expected one of a, b"
    assert in_words(tuple("abcdefghijkl")).endswith("… (12 in all)")
