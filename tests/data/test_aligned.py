"""The aligned set in memory: parts of it, and parts beside each other."""

from __future__ import annotations

import numpy as np
import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.ragged import Ragged
from tests import tagging


def same(found: AlignedSet, other: AlignedSet) -> bool:
    arrays = [
        [*(array for of in one.inputs.values() for array in of.values()), *one.lists.values(), one.targets, one.labelled]
        for one in (found, other)
    ]
    parts = [[part for a in each for part in ((a.values, a.offsets) if isinstance(a, Ragged) else (a,))] for each in arrays]
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(*parts, strict=True)) and found.tasks == other.tasks


@pytest.mark.parametrize("cut", [0, 1, 13, 40])
@pytest.mark.parametrize("make", tagging.MAKES)
def test_parts_beside_each_other_are_the_whole(make: str, cut: int) -> None:
    """Arrays, ragged ones, and labels that are lists."""
    whole = tagging.rows_of(tagging.MAKES[make](), 40, 0)
    assert same(whole.at(slice(0, cut)).beside(whole.at(slice(cut, 40))), whole)
    assert not same(whole.at(slice(20, 40)).beside(whole.at(slice(0, 20))), whole)
