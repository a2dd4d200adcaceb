"""Scaling a vector: mean and spread of each place, over train rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
import polars as pl

from mtl.data.inputs import VectorEncoding
from mtl.errors import UnfitError

V = TypeVar("V", bound=VectorEncoding)


def scaled(plain: V, train: pl.DataFrame) -> V:
    """`plain`, which leaves numbers as they are (means 0, spreads 1), with those of `train`. Raises UnfitError without a vector."""
    arrays = plain.apply(train)
    values = arrays["numeric"][arrays["present"]].astype(np.float64)
    if not len(values):
        raise UnfitError(
            f"inputs.{plain.name}, column {plain.column!r}: a vector cannot be scaled",
            expected=f"train rows with {plain.size} numbers", found="none", do="mend the table or the split, or remove the input",
        )  # fmt: skip
    std = values.std(axis=0)
    return replace(plain, mean=tuple(values.mean(axis=0).tolist()), std=tuple(np.where(std > 0, std, 1.0).tolist()))
