from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.data.ragged import Ragged
from tests.ragged import ragged_of

Lists = list[list[int]]
lists = st.lists(st.lists(st.integers(-9, 9), max_size=4), max_size=7)
bounds = st.none() | st.integers(-9, 9)


def ragged(rows: Lists) -> Ragged:
    return ragged_of([np.array(row) for row in rows])


def assert_holds(found: Ragged, rows: Lists) -> None:
    """Its rows are these, and it is whole: offsets from 0 to the end of the values."""
    ends = found.offsets.tolist()
    assert [found.values[a:b].tolist() for a, b in pairwise(ends)] == rows
    assert (ends[0], ends[-1]) == (0, len(found.values))
    assert len(found) == len(rows)
    assert found.lengths.tolist() == [len(row) for row in rows]
    assert (found.values.dtype, found.offsets.dtype) == (np.dtype(np.int32), np.dtype(np.int64))


@given(lists)
def test_rows_come_back(rows: Lists) -> None:
    assert_holds(ragged(rows), rows)


@given(lists, st.builds(slice, bounds, bounds, st.none() | st.sampled_from([-3, -1, 1, 2])))
def test_a_slice_is_that_of_a_list(rows: Lists, part: slice) -> None:
    assert_holds(ragged(rows)[part], rows[part])


@given(lists, st.integers(0, 5))
def test_a_head_is_the_first_values_of_each_row(rows: Lists, most: int) -> None:
    assert_holds(ragged(rows).head(most), [row[:most] for row in rows])


@given(lists.filter(bool), st.data())
def test_numbers_take_rows_in_their_order_also_twice_and_from_the_end(rows: Lists, data: st.DataObject) -> None:
    at = data.draw(st.lists(st.integers(-len(rows), len(rows) - 1), max_size=9))
    assert_holds(ragged(rows)[at], [rows[i] for i in at])
    assert_holds(ragged(rows)[np.array(at, np.int64)], [rows[i] for i in at])


@given(lists, st.data())
def test_a_mask_keeps_its_rows(rows: Lists, data: st.DataObject) -> None:
    mask = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    assert_holds(ragged(rows)[np.array(mask, bool)], [row for row, kept in zip(rows, mask, strict=True) if kept])


@given(lists, st.integers(0, 5), st.integers(0, 9))
def test_parts_of_parts_are_parts(rows: Lists, start: int, length: int) -> None:
    """What a slice gives can be taken apart again, although it shares its values with the whole."""
    assert_holds(ragged(rows)[start:][:length][::-1], rows[start:][:length][::-1])


@pytest.mark.parametrize("rows", [[3], [-4], np.array([True])])
def test_rows_that_are_not_there_are_an_error(rows: Any) -> None:
    with pytest.raises(IndexError):
        ragged([[1], [2, 3], []])[rows]


@given(lists, lists)
def test_rows_beside_others_come_before_them(first: Lists, second: Lists) -> None:
    assert_holds(ragged(first).beside(ragged(second)), [*first, *second])
