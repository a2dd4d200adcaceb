"""Rows of different length, written row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mtl.data.ragged import Ragged


def ragged_of(rows: Sequence[np.ndarray[Any, Any]]) -> Ragged:
    """int32, from one array a row."""
    values = np.concatenate([np.zeros(0, np.int32), *rows]).astype(np.int32)
    return Ragged(values, np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64))
