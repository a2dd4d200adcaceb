"""How numbers are written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.report import words


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.3971, "0.397"), (15.5733, "15.6"), (141323, "141,323"), (1674.0, "1,674"), (-0.0054, "−0.005"), (100.0, "100"),
     (99.97, "100.0"),
     (0, "0"), (None, "–"), (math.nan, "–"), (math.inf, "–"), ("7", "7"), (True, "True")],
)  # fmt: skip
def test_number(value: object, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize(("value", "text"), [(2.13, "+2.1"), (-0.42, "−0.4"), (0.01, "0.0"), (-0.01, "0.0"), (None, "–")])
def test_signed(value: object, text: str) -> None:
    assert words.signed(value) == text


@given(st.floats(-1e15, 1e15))
def test_a_written_number_reads_back_nearly_the_same(value: float) -> None:
    read = float(words.number(value).replace("−", "-").replace(",", ""))
    assert math.isclose(read, value, rel_tol=0.006, abs_tol=0.0006)


def test_an_interval_needs_both_ends() -> None:
    assert words.interval(0.1, None) == ""
    assert words.signed_interval(-1.0, 2.0) == "[−1.0, +2.0]"


@given(st.text(max_size=60), st.integers(3, 40))
def test_shortened_keeps_both_ends(name: str, most: int) -> None:
    short = words.shortened(name, most)
    assert len(short) <= most or short == name
    if len(name) > most:
        assert name.startswith(short.partition("…")[0][:1])
        assert name.endswith(short[-1])


def test_sizes_and_counts() -> None:
    assert words.size(565292) == "565.3 kB"
    assert words.size(12) == "12 B"
    assert words.count_of(1, "task") == "1 task"
    assert words.count_of(1200, "task") == "1,200 tasks"


def test_a_verdict_is_told_by_its_sign_and_its_name_too() -> None:
    assert len({v.sign for v in words.VERDICTS.values()}) == len(words.VERDICTS) == 4
    assert words.verdict("something else") is words.UNDEFINED
