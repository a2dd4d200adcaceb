from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.monitoring.distances import js, mean_shift, psi
from mtl.monitoring.parts import Vectors

pairs = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=12)


def counts(*numbers: int) -> np.ndarray:
    return np.array(numbers)


def test_psi_by_hand() -> None:
    by_hand = (0.25 - 0.5) * math.log(0.25 / 0.5) + (0.75 - 0.5) * math.log(0.75 / 0.5)  # 0.1733 + 0.1014
    assert by_hand == pytest.approx(0.27465, abs=1e-5)
    assert psi(counts(50, 50), counts(25, 75)) == pytest.approx(by_hand)


def test_an_empty_bin_counts_as_half_a_row_and_one_that_nobody_has_as_none() -> None:
    by_hand = (0.005 - 0.5) * math.log(0.005 / 0.5) + (1.0 - 0.5) * math.log(1.0 / 0.5)
    assert psi(counts(50, 50, 0), counts(0, 100, 0)) == pytest.approx(by_hand)


def test_js_by_hand() -> None:
    # m = (0.75, 0.25): ½ (½ log₂ ½/¾ + ½ log₂ ½/¼) + ½ log₂ 1/¾ = 0.3113, and its root
    assert js(counts(50, 50), counts(100, 0)) == pytest.approx(0.55793, abs=1e-5)
    assert js(counts(3, 0), counts(0, 7)) == pytest.approx(1.0)


def test_the_shift_of_a_mean_by_hand() -> None:
    reference = Vectors(100, 0, (0.0, 10.0), (1.0, 2.0))
    batch = Vectors(10, 0, (0.5, 9.0), (1.0, 2.0))
    assert mean_shift(reference, batch) == pytest.approx(0.5)  # √((0.5² + 0.5²) / 2)


def test_a_number_that_never_moved_does_not_make_the_shift_infinite() -> None:
    reference, batch = Vectors(100, 0, (0.0, 0.0), (1.0, 0.0)), Vectors(10, 0, (0.0, 0.1), (1.0, 0.0))
    assert 0 < mean_shift(reference, batch) < 10


@given(pairs)
def test_distances_are_the_same_both_ways_and_none_to_itself(both: list[tuple[int, int]]) -> None:
    one, other = (np.array(side) for side in zip(*both, strict=True))
    for distance in (psi, js):
        assert distance(one, other) == pytest.approx(distance(other, one))
        assert distance(one, one) == pytest.approx(0.0, abs=1e-7)
        assert distance(one, other) >= -1e-12
    assert js(one, other) <= 1 + 1e-9


@given(pairs, st.integers(2, 9))
def test_only_shares_count_where_no_bin_is_empty(both: list[tuple[int, int]], times: int) -> None:
    one, other = (np.array(side) + 1 for side in zip(*both, strict=True))
    assert psi(one, other) == pytest.approx(psi(one * times, other))
    assert js(one, other) == pytest.approx(js(one, other * times), abs=1e-7)
