"""Labels of counts: whole and not below 0; whatever else stands there costs its task one label, and nobody a row."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

TASKS = {
    "visits": {"source": "t", "column": "n", "kind": "count"},
    "y": {"source": "t", "column": "y", "kind": "binary"},
}


def table(cells: list[Any]) -> pl.DataFrame:
    rows = [str(i) for i in range(len(cells))]
    whole = pl.DataFrame({"id": rows, "x": ["1"] * len(rows), "y": [str(i % 2) for i in range(len(rows))]})
    return whole.with_columns(pl.Series("n", cells, strict=False))


@pytest.mark.parametrize("as_text", [True, False])
def test_a_label_that_is_no_count_is_set_aside_with_its_reason(spec_of: Any, run: Any, as_text: bool) -> None:
    cells: list[Any] = [0, 3, 12.0, 2.5, -1, None, 1e9]
    cells = [None if cell is None else str(cell) for cell in cells] + ["many"] if as_text else [*cells, float("inf")]
    found = run(spec_of({"max_quarantined": 1.0}, tasks=TASKS), table(cells))
    assert found.validated["n"].to_list() == [0, 3, 12, None, None, None, 1e9, None]
    reasons = ["expected a whole number", "expected at least 0", "not a number" if as_text else "not finite"]
    assert found.cells["reason"].to_list() == reasons
    assert found.report["labels"]["visits"] == {"kept": 4, "quarantined": 3, "missing": 1}
    assert found.report["labels"]["y"]["kept"] == found.validated.height == 8
    assert found.rows.is_empty()


def test_bounds_of_a_count_are_kept_too(spec_of: Any, run: Any) -> None:
    tasks = {"visits": TASKS["visits"] | {"min": 1, "max": 4}}
    found = run(spec_of({"max_quarantined": 1.0}, tasks=tasks), table([0, 1, 4, 5]))
    assert found.validated["n"].to_list() == [None, 1, 4, None]
    assert found.cells["reason"].unique().to_list() == ["expected 1 … 4"]


def test_quantiles_take_any_number(spec_of: Any, run: Any) -> None:
    tasks = {"weight": {"source": "t", "column": "n", "kind": "quantile", "max": 3}}
    found = run(spec_of({"max_quarantined": 1.0}, tasks=tasks), table([-1.5, 2.25, 7.0]))
    assert found.validated["n"].to_list() == [-1.5, 2.25, None]
