"""Parts of the test set: each value of a column, or bands of a numeric one."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

Mask = np.ndarray[Any, np.dtype[np.bool_]]
MISSING = "missing"
"""Name of the band of rows without a value."""


@dataclass(frozen=True)
class Slice:
    """Rows of one band of one column; `mask` [rows]."""

    column: str
    band: str
    mask: Mask


def slices_of(frame: pl.DataFrame, wanted: Mapping[str, Sequence[float] | None]) -> list[Slice]:
    """All slices with at least one row, column by column, missing values last.

    wanted: column -> edges of its bands (each band holds its lower edge), or nothing for one slice a value.
    """
    parts = []
    for column, edges in wanted.items():
        if column in frame.columns:
            parts += _by_value(frame[column]) if not edges else _by_band(frame[column], sorted(edges))
    return [one for one in parts if one.mask.any()]


def _by_value(column: pl.Series) -> list[Slice]:
    text = column.cast(pl.String)
    values = sorted(text.drop_nulls().unique(), key=_natural)
    return [Slice(column.name, value, (text == value).fill_null(False).to_numpy()) for value in values] + [
        Slice(column.name, MISSING, text.is_null().to_numpy())
    ]


def _natural(text: str) -> tuple[bool, float, str]:
    """Numbers by size, before other text."""
    try:
        return False, float(text), text
    except ValueError:
        return True, 0.0, text


def _by_band(column: pl.Series, edges: Sequence[float]) -> list[Slice]:
    values = column.cast(pl.Float64).to_numpy()
    known = np.isfinite(values)
    band = np.searchsorted(np.asarray(edges), values, side="right")
    bands = [Slice(column.name, name, known & (band == i)) for i, name in enumerate(band_names(edges))]
    return [*bands, Slice(column.name, MISSING, ~known)]


def band_names(edges: Sequence[float]) -> list[str]:
    """`< 18`, `18–40`, `≥ 40`: one more name than edges."""
    texts = [f"{edge:g}" for edge in edges]
    return [f"< {texts[0]}", *(f"{low}–{high}" for low, high in itertools.pairwise(texts)), f"≥ {texts[-1]}"]
