"""What kind of input a column is, or why it is none."""

from __future__ import annotations

import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.project.columns import guess_input, guess_range
from mtl.project.guessed import InputColumn, LeftOut
from mtl.project.look import Look


def of_numbers(low: float, high: float, name: str = "c", whole: bool = False) -> Look:
    return Look(name, pl.Float64(), 100, 0, 50, 100, 0, low, high, whole, 0, 0, 0, 3.0, 1.0, False, {})


@given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e9), st.booleans())
def test_a_range_holds_what_was_seen_with_room_to_spare(low: float, span: float, whole: bool) -> None:
    look = of_numbers(low, low + span, whole=whole)
    found = guess_range(look)

    assert found is not None
    assert found.low <= low < low + span <= found.high
    assert found.low >= 0 or low < 0
    assert found.high - found.low <= 4 * (span + abs(low)) + 10


@pytest.mark.parametrize(("name", "high", "most"), [("fat_pct", 56, 100), ("hit_rate", 0.9, 1), ("income_ratio", 5, 7.5)])
def test_shares_and_percentages_have_their_own_ends(name: str, high: float, most: float) -> None:
    found = guess_range(of_numbers(0.1, high, name))
    assert (found.low, found.high) == (0, most)


draw = random.Random(0)
NUMERIC = [round(draw.gauss(50, 10), 2) for _ in range(300)]
CASES = [
    ("c", NUMERIC, "numeric"),
    ("c", [0, 1] * 150, "categorical"),
    ("c", ["0.0", "1.0"] * 150, "categorical"),
    ("c", list("abc") * 100, "categorical"),
    ("c", [*(None if n % 2 else 70 * n for n in range(300))], "numeric"),
    ("site_code", [11, 22, 33] * 100, "categorical"),
    ("c", [1, 2, 3, 4, 5, "6 or more"] * 50, "categorical"),
    ("c", [*NUMERIC, "many", "few"], "numeric"),
    ("group_id", [3, 5, 9] * 100, "numeric"),
    ("zip", [f"0{n}" for n in range(10, 40)] * 10, "categorical"),
]


@pytest.mark.parametrize(("name", "values", "kind"), CASES)
def test_kinds_of_columns(column, name, values, kind) -> None:
    found = guess_input(column(values, name))
    assert isinstance(found, InputColumn)
    assert found.kind == kind
    assert found.why


LEFT = [
    ("c", [None] * 300, "empty"),
    ("c", [7] * 300, "constant"),
    ("c", [7, None] * 150, "missing"),
    ("c", list(range(1, 301)), "number of the row"),
    ("visit_id", [draw.randint(0, 10**6) for _ in range(300)], "identifier"),
    ("c", draw.sample(range(1000), 300), "looks like an identifier"),
    ("c", [f"x{n:x}" for n in draw.sample(range(10**6), 300)], "looks like an identifier"),
    ("c", [f"2020-01-{1 + n % 28:02d}" for n in range(300)], "a date"),
    ("sampling_weight", NUMERIC, "a weight"),
    ("c", [f"{n:.2f}".replace(".", ",") for n in NUMERIC], "decimal comma"),
    ("c", [f"{1 + n % 28}.{1 + n % 12}.2020" for n in range(300)], "dates in a spelling"),
]


@pytest.mark.parametrize(("name", "values", "why"), LEFT)
def test_columns_that_are_left_out(column, name, values, why) -> None:
    found = guess_input(column(values, name))
    assert isinstance(found, LeftOut)
    assert why in found.why


def test_sentences_are_read_as_texts(column) -> None:
    found = guess_input(column([f"the {n} words of a sentence" for n in range(300)], "c"))
    assert isinstance(found, InputColumn)
    assert (found.kind, found.why) == ("text", "free text, 6 words a cell")


def test_few_frequent_categories_are_written_down_rare_ones_are_not(column) -> None:
    assert guess_input(column(list("ab") * 100)).values == ("a", "b")
    assert guess_input(column([*(list("ab") * 100), "c"])).values == ()
