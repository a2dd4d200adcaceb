"""Derived columns: of one row only, typed, and each failure with its place."""

from __future__ import annotations

import polars as pl
import pytest

from mtl.data.contract.derive import check_derived, derive, kinds_of_derived, roots
from mtl.data.contract.use import WORDS, Use
from mtl.errors import SpecError

FRAME = pl.DataFrame({"a": [1.0, None, 3.0, 5.0], "b": [2.0, 4.0, 6.0, 9.0], "s": ["u", "v", None, "u"]})


@pytest.mark.parametrize(
    "expression", ["(a + b) / 2", "coalesce(a, 0)", "case when s = 'u' then 1 else 0 end", "upper(s)", "a / 0", "1"]
)
def test_expressions_of_one_row_pass(expression):
    check_derived(FRAME, {"z": expression}, FRAME.columns, "t")


@pytest.mark.parametrize(
    "expression", ["avg(b)", "b - avg(b)", "lag(b) over (order by b)", "rank() over (order by b)", "sum(b) over (partition by s)"]
)
def test_expressions_of_other_rows_do_not(expression):
    with pytest.raises(SpecError, match=r"sources\.t\.derived\.z") as error:
        check_derived(FRAME, {"z": expression}, FRAME.columns, "t")
    assert "one row" in error.value.expected


def test_another_rounding_is_no_other_row():
    """Polars divides many rows by 3 in another way than one: the last bit differs."""
    frame = pl.DataFrame({"a": [120.0, 0.0, 116.0], "b": [110.0, 4.0, 118.0]})
    thirds = frame.select(pl.sql_expr("(a + b) / 3")).to_series()
    alone = [frame.slice(i, 1).select(pl.sql_expr("(a + b) / 3")).item() for i in range(3)]
    assert thirds.to_list() != alone, "this Polars rounds alike: the test shows nothing any more"
    check_derived(frame, {"third": "(a + b) / 3"}, frame.columns, "t")


def test_a_later_column_may_read_an_earlier_one():
    derived = {"sum": "a + b", "half": "sum / 2"}
    check_derived(FRAME, derived, FRAME.columns, "t")
    assert derive(FRAME, derived, "t")["half"].to_list() == [1.5, None, 4.5, 7.0]
    assert roots("half", derived) == {"a", "b"}


@pytest.mark.parametrize(
    ("derived", "words"),
    [
        ({"z": "a + c"}, "no column 'c'"),
        ({"z": "s * 2"}, "arithmetic"),
        ({"z": "median_of(a)"}, "unsupported function"),
        ({"a": "b"}, "has a column 'a'"),
        ({"z": "a +"}, "unable to parse"),
    ],
)
def test_what_fails_says_where_and_why(derived, words):
    (column,) = derived
    with pytest.raises(SpecError, match=rf"sources\.t\.derived\.{column}") as error:
        check_derived(FRAME, derived, FRAME.columns, "t")
    assert words in error.value.found


def test_text_where_a_number_is_needed_is_an_error_of_the_spec():
    uses = {"z": Use("z", "numeric", "tasks.y.column")}
    with pytest.raises(SpecError, match=r"derived\.z: s \|\| s") as error:
        kinds_of_derived(uses, {"z": "s || s"}, FRAME, "t")
    assert "kind: numeric" in error.value.do
    plain = {"z": Use("z", "plain", ""), "d": Use("d", "plain", "")}
    settled = kinds_of_derived(plain, {"z": "upper(s)", "d": "a > 2"}, FRAME, "t")
    assert {c: u.kind for c, u in settled.items()} == {"z": "text", "d": "boolean"}


@pytest.mark.parametrize(("expression", "pair"), [("a > 2", ("false", "true")), ("case when a > 2 then 1 else 0 end", ("0", "1"))])
def test_a_derived_binary_label_has_its_pair_of_words(expression, pair):
    use = Use("y", "label", "tasks.y.column", allowed=(tuple(WORDS),), spellings=tuple(WORDS), words=True)
    settled = kinds_of_derived({"y": use}, {"y": expression}, FRAME, "t")["y"]
    assert (settled.spellings, settled.allowed) == (pair, (pair,))
