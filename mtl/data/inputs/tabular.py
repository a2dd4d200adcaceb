"""Tables: numbers standardised, categories as codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from mtl.data.codes import FIRST, MISSING, codes_of
from mtl.data.inputs.base import Arrays, InputEncoding


@dataclass(frozen=True)
class NumericColumn:
    """Standardised: (x − mean) / std, 0 where missing."""

    column: str
    name: str
    mean: float
    std: float
    bins: tuple[float, ...] = ()
    """Edges of its bins, rising, in the column's own unit; none: a number stays one number."""
    gaps: bool = True
    """Whether train has a row without it. If not, nothing can be learned of such a row: it then counts as the mean."""

    @property
    def edges(self) -> tuple[float, ...]:
        """The bins as `apply` scales the column: an edge of train falls on its value, bit for bit."""
        return tuple(float(np.float32((edge - self.mean) / self.std)) for edge in self.bins)


@dataclass(frozen=True)
class CategoricalColumn:
    """Codes: 0 missing, 1 unknown, 2… the values in order."""

    column: str
    name: str
    values: tuple[str, ...]

    @property
    def codes(self) -> int:
        return len(self.values) + FIRST


@dataclass(frozen=True)
class TabularEncoding(InputEncoding):
    """One input's columns as arrays."""

    kind: ClassVar[str] = "tabular"
    numeric: tuple[NumericColumn, ...]
    categorical: tuple[CategoricalColumn, ...]
    embedding: int | None = None

    @property
    def columns(self) -> dict[str, str]:
        return {c.column: c.name for c in self.numeric} | {c.column: c.name for c in self.categorical}

    @property
    def types(self) -> dict[str, pl.DataType]:
        return {c.name: pl.Float64() for c in self.numeric} | {c.name: pl.String() for c in self.categorical}

    def apply(self, frame: pl.DataFrame) -> Arrays:
        """numeric float32 [n, d] (0 where missing), missing bool [n, d], categorical int32 [n, c], present bool [n] (any
        value at all)."""
        numeric = np.empty((len(self.numeric), frame.height), np.float32)  # a column lies together, here and in the frame
        missing = np.empty(numeric.shape, np.bool_)
        for j, one in enumerate(self.numeric):
            values = frame[one.name].cast(pl.Float64).to_numpy()
            np.logical_not(np.isfinite(values), out=missing[j])
            numeric[j] = (values - one.mean) / one.std
            if missing[j].any():
                numeric[j][missing[j]] = 0.0
        codes = np.empty((len(self.categorical), frame.height), np.int32)
        for j, cat in enumerate(self.categorical):
            codes[j] = codes_of(frame[cat.name].cast(pl.String), cat.values)
        present = (~missing).any(axis=0) | (codes != MISSING).any(axis=0)
        return {"numeric": numeric.T, "missing": missing.T, "categorical": codes.T, "present": present}

    def table(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Numbers as Float32, null where missing; codes as Int32."""
        arrays = self.apply(frame)
        columns: dict[str, Any] = {"key": frame["key"]}
        for j, number in enumerate(self.numeric):
            values, lacks = pl.Series(arrays["numeric"][:, j]), arrays["missing"][:, j]
            columns[number.name] = values.set(pl.Series(lacks), None) if lacks.any() else values
        columns |= {cat.name: pl.Series(arrays["categorical"][:, j]) for j, cat in enumerate(self.categorical)}
        return pl.DataFrame(columns)

    def aligned(self, joined: pl.DataFrame) -> Arrays:
        numbers, codes = [c.name for c in self.numeric], [c.name for c in self.categorical]
        missing = joined.select(pl.col(numbers).is_null()).to_numpy() if numbers else np.ones((joined.height, 0), np.bool_)
        numeric = joined.select(pl.col(numbers).fill_null(0)).to_numpy() if numbers else np.zeros((joined.height, 0), np.float32)
        code = joined.select(pl.col(codes).fill_null(0)).to_numpy() if codes else np.zeros((joined.height, 0), np.int32)
        present = (~missing).any(axis=1) | (code != MISSING).any(axis=1)
        return {
            "numeric": numeric.astype(np.float32), "missing": missing.astype(np.bool_),
            "categorical": code.astype(np.int32), "present": present,
        }  # fmt: skip

    def counts(self) -> dict[str, int]:
        return {"numeric": len(self.numeric), "categorical": len(self.categorical)}

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        categorical = tuple(CategoricalColumn(c["column"], c["name"], tuple(c["values"])) for c in data["categorical"])
        numeric = tuple(NumericColumn(**{**c, "bins": tuple(c["bins"])}) for c in data["numeric"])
        return super().parse({**data, "numeric": numeric, "categorical": categorical})
