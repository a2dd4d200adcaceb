"""Slices: each row with a value in exactly one band of a column."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from mtl.evaluation.slices import band_names, slices_of


def test_bands_are_named_as_people_read_them() -> None:
    assert band_names((18, 40, 60)) == ["< 18", "18–40", "40–60", "≥ 60"]
    assert band_names((0.5,)) == ["< 0.5", "≥ 0.5"]


@given(
    st.lists(st.one_of(st.none(), st.just(float("nan")), st.integers(-5, 100).map(float)), min_size=1),
    st.sets(st.integers(0, 90), min_size=1),
)
def test_every_row_is_in_one_band(values: list[float | None], edges: set[int]) -> None:
    cut = slices_of(pl.DataFrame({"age": values}, schema={"age": pl.Float64}), {"age": tuple(edges)})
    np.testing.assert_array_equal(sum(one.mask.astype(int) for one in cut), np.ones(len(values)))
    for one in cut:
        inside = [v for v, kept in zip(values, one.mask) if kept]
        if one.band.startswith("≥"):
            assert min(v for v in inside if v is not None) >= max(edges)


def test_values_in_natural_order_and_missing_last() -> None:
    frame = pl.DataFrame({"school": ["10", "9", None, "b", "9"], "other": [1] * 5})
    cut = slices_of(frame, {"school": None, "not_there": None})
    assert [(one.band, int(one.mask.sum())) for one in cut] == [("9", 2), ("10", 1), ("b", 1), ("missing", 1)]


def test_a_band_holds_its_lower_edge() -> None:
    cut = slices_of(pl.DataFrame({"age": [18.0, 17.9, 40.0]}), {"age": (40, 18)})
    assert [one.band for one in cut] == ["< 18", "18–40", "≥ 40"]
    assert [np.flatnonzero(one.mask).tolist() for one in cut] == [[1], [0], [2]]
