"""Casting: what a cell becomes, and which cells become nothing."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.data.contract.cells import cast
from mtl.data.contract.use import Use


def one(values, use: Use, dtype=None):
    found = cast(pl.DataFrame({use.column: pl.Series(values, dtype=dtype)}), [use])
    return found.frame[use.column].to_list(), found.bad["row"].to_list(), found.nan.get(use.column, 0)


NUMERIC = Use("c", "numeric", "somewhere")


def test_text_becomes_a_number_or_a_bad_cell():
    cells = ["1.5", " 2 ", "1e3", "+4", "", "  ", None, "many", "1,5", "0x10", "nan"]
    values, bad, nan = one(cells, NUMERIC)
    assert values == [1.5, 2.0, 1000.0, 4.0, None, None, None, None, None, None, None]
    assert (bad, nan) == ([7, 8, 9], 1)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats() | st.none(), min_size=1, max_size=20))
def test_floats_survive_both_as_floats_and_as_text(cells):
    as_float = one(cells, NUMERIC, pl.Float64)
    as_text = one([None if c is None else repr(c) for c in cells], NUMERIC, pl.String)
    expected = [None if c is None or math.isnan(c) else c for c in cells]
    assert as_float[0] == as_text[0] == expected
    assert as_float[1] == as_text[1] == []
    assert as_float[2] == as_text[2] == sum(c is not None and math.isnan(c) for c in cells)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-(2**50), 2**50), min_size=1, max_size=20))
def test_a_whole_number_has_one_text_whatever_type_it_came_in(numbers):
    key = Use("c", "text", "entities.e.key", key=True)
    expected = [str(n) for n in numbers]
    pointed = [f"{n}.0" for n in numbers]
    assert one(numbers, key, pl.Int64)[0] == expected
    assert one([float(n) for n in numbers], key, pl.Float64)[0] == expected
    assert one(expected, key)[0] == one(pointed, key)[0] == expected


def test_codes_keep_their_zeros_and_other_types_their_plain_text():
    key, text = Use("c", "text", "k", key=True), Use("c", "text", "s")
    assert one(["007", "007.0", "1.50"], key)[0] == ["007", "007.0", "1.50"]
    assert one([True, None], text)[0] == ["true", None]
    assert one([date(2026, 3, 1)], text)[0] == ["2026-03-01"]
    assert one([datetime(2026, 3, 1), datetime(2026, 3, 1, 4)], text)[0] == ["2026-03-01", "2026-03-01 04:00:00.000000"]
    assert one([Decimal("7.00"), Decimal("7.25")], text)[0] == ["7", "7.25"]
    assert one([7.5, math.nan, 1e20], text)[0] == ["7.5", None, "1e+20"]


def test_labels_are_spelled_as_the_spec_spells_them():
    use = Use("c", "label", "tasks.y", allowed=(("1", "true", "Very good"),), spellings=("1", "true", "Very good"))
    cells = ["1.0", " 1", "TRUE", "Very good ", "very good", "2.0", None]
    assert one(cells, use)[0] == ["1", "1", "true", "Very good", "very good", "2", None]
    assert one([1.0, None], use, pl.Float64)[0] == ["1", None]
    assert one([True, False], use)[0] == ["true", "false"]


def test_quoted_spellings_win_over_rules():
    use = Use("c", "label", "tasks.y", spellings=("True", "1.0"))
    assert one(["True", "true", "1", "1.0"], use)[0] == ["True", "True", "1.0", "1.0"]


@pytest.mark.parametrize("pair", [("0", "1"), ("false", "true"), ("no", "yes")])
def test_words_of_a_binary_label_become_the_columns_pair(pair):
    use = Use("c", "label", "tasks.y", spellings=pair, words=True)
    values, _, _ = one(["Yes", "NO", "1.0", "False", "maybe", None], use)
    assert values == [pair[1], pair[0], pair[1], pair[0], "maybe", None]


def test_dates_in_iso_spellings():
    cells = ["2026-03-31", "2026/03/31", "20260331", "2026-03", "2026", "31.3.2026", "2026-02-30", None]
    values, bad, _ = one(cells, Use("c", "date", "s"))
    assert values == [*[date(2026, 3, 31)] * 3, date(2026, 3, 1), date(2026, 1, 1), None, None, None]
    assert bad == [5, 6]
    cells = ["2026-03-31 10:30:00", "2026-03-31T10:30", "2026-03-31", "2026-03-31T10:30:00Z", "2026-03-31T12:30:00+02:00", "soon"]
    values, bad, _ = one(cells, Use("c", "datetime", "s"))
    half = datetime(2026, 3, 31, 10, 30)
    assert values == [half, half, datetime(2026, 3, 31), half, half, None]
    assert bad == [5]
