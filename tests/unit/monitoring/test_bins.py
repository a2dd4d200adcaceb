from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mtl.monitoring.bins import BINS, counts_of, edges_of

numbers = st.lists(st.floats(-1e6, 1e6) | st.integers(0, 4).map(float), min_size=1, max_size=200)


@given(numbers)
def test_edges_rise_and_every_value_is_counted_once(values: list[float]) -> None:
    array = np.array(values)
    edges = edges_of(array)
    assert all(a < b for a, b in pairwise(edges))
    assert sum(counts_of(array, edges)) == len(values)
    assert len(edges) <= 2 * BINS + 2


@given(numbers)
def test_the_order_of_rows_changes_nothing(values: list[float]) -> None:
    assert edges_of(np.array(values)) == edges_of(np.array(values[::-1]))


@given(numbers)
def test_a_value_that_many_rows_have_is_alone_in_its_bin(values: list[float]) -> None:
    array = np.array(values)
    edges = edges_of(array)
    for value, count in zip(*np.unique(array, return_counts=True), strict=True):
        if count * BINS >= len(values):
            at = counts_of(np.array([value]), edges).index(1)
            assert counts_of(array, edges)[at] == count


def test_without_ties_each_bin_has_as_many_rows() -> None:
    values = np.random.default_rng(0).normal(size=1000)
    assert counts_of(values, edges_of(values)) == (100,) * BINS


def test_a_value_below_a_constant_is_seen() -> None:
    edges = edges_of(np.ones(50))
    assert counts_of(np.array([0.0, 1.0, 1.0, 2.0]), edges) == (1, 2, 1)


def test_most_rows_at_the_top_do_not_hide_the_few_below() -> None:
    values = np.array([1.0] * 95 + [0.1 * i for i in range(5)])
    counts = counts_of(values, edges_of(values))
    assert sum(counts[:-2]) == 5
    assert counts[-2:] == (95, 0)


def test_without_a_value_there_is_one_bin() -> None:
    assert edges_of(np.zeros(0)) == ()
    assert counts_of(np.array([1.0, 2.0]), ()) == (2,)
