"""What was fitted on train: how columns and targets become numbers, and back. JSON on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mtl.files import read_json, write_json

FILE = "encodings.json"
MISSING, UNKNOWN, FIRST = 0, 1, 2
"""Codes of a categorical column: no value; a value not seen in train; the first of its values."""

Floats = np.ndarray[Any, np.dtype[np.float32]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
Arrays = dict[str, np.ndarray[Any, Any]]


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
class TabularEncoding:
    """One input's columns as arrays."""

    name: str
    entity: str
    source: str
    numeric: tuple[NumericColumn, ...]
    categorical: tuple[CategoricalColumn, ...]
    dropped: dict[str, str] = field(default_factory=dict)
    embedding: int | None = None

    @property
    def names(self) -> list[str]:
        """The frame's columns that this input reads."""
        return [c.name for c in self.numeric] + [c.name for c in self.categorical]

    def apply(self, frame: pl.DataFrame) -> Arrays:
        """Arrays of the rows of `frame` (columns `names`).

        numeric float32 [n, d] (0 where missing), missing bool [n, d], categorical int32 [n, c],
        present bool [n] (any value at all).
        """
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
            codes[j] = _codes(frame[cat.name].cast(pl.String), cat.values)
        present = (~missing).any(axis=0) | (codes != MISSING).any(axis=0)
        return {"numeric": numeric.T, "missing": missing.T, "categorical": codes.T, "present": present}


def _codes(column: pl.Series, values: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.int32]]:
    known = {value: FIRST + i for i, value in enumerate(values)}
    table = pl.DataFrame({"value": list(known), "code": list(known.values())}, schema={"value": pl.String, "code": pl.Int32})
    joined = column.rename("value").to_frame().join(table, on="value", how="left", maintain_order="left")
    code = pl.when(pl.col("value").is_null()).then(MISSING).otherwise(pl.col("code").fill_null(UNKNOWN)).cast(pl.Int32)
    return joined.select(code).to_series().to_numpy()


@dataclass(frozen=True)
class TaskEncoding:
    """One task's target as numbers, and predictions back in its unit."""

    name: str
    of: str
    kind: str
    entity: str
    source: str
    column: str
    inputs: tuple[str, ...]
    metric: str
    unit: str = ""
    weight: float = 1.0
    tolerance: float | None = None
    mean: float = 0.0
    std: float = 1.0
    classes: tuple[str, ...] = ()
    value: str | None = None
    """Of `for_each`: the value this task is for."""

    def encode(self, target: pl.Series) -> tuple[Floats, Bools]:
        """float32 [n] (0 where not labelled) and the mask of labels, bool [n]."""
        if self.kind == "regression":
            values = target.cast(pl.Float64).to_numpy()
            labelled = np.isfinite(values)
            return np.where(labelled, (values - self.mean) / self.std, 0.0).astype(np.float32), labelled
        if self.kind == "binary" and not self.classes[0]:  # every other value counts as negative
            text = target.cast(pl.String)
            return (text == self.classes[1]).fill_null(False).to_numpy().astype(np.float32), text.is_not_null().to_numpy()
        classes = _codes(target.cast(pl.String), self.classes) - FIRST
        return np.maximum(classes, 0).astype(np.float32), classes >= 0

    def original(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Scaled values [n] in the task's own unit; class numbers as they are."""
        wide = np.asarray(values, np.float64)
        return wide * self.std + self.mean if self.kind == "regression" else wide

    def difference(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Differences of scaled values [n] in the task's own unit; those of probabilities as they are."""
        wide = np.asarray(values, np.float64)
        return wide * self.std if self.kind == "regression" else wide


@dataclass(frozen=True)
class Encodings:
    """All inputs and all tasks, as they were fitted on train. From here on, THE list of tasks."""

    inputs: dict[str, TabularEncoding]
    tasks: tuple[TaskEncoding, ...]
    dropped_tasks: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / FILE, asdict(self, dict_factory=_as_ever))

    @classmethod
    def read(cls, folder: Path) -> Encodings:
        return cls.parse(read_json(folder / FILE))

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Encodings:
        """From the mapping that `write` wrote."""
        inputs = {name: _tabular(one) for name, one in data["inputs"].items()}
        tasks = tuple(TaskEncoding(**{**t, "inputs": tuple(t["inputs"]), "classes": tuple(t["classes"])}) for t in data["tasks"])
        return cls(inputs, tasks, dict(data["dropped_tasks"]))

    @property
    def names(self) -> list[str]:
        """Columns of the frame that `TabularEncoding.apply` reads, over all inputs."""
        return [name for one in self.inputs.values() for name in one.names]


def _tabular(data: Mapping[str, Any]) -> TabularEncoding:
    categorical = tuple(CategoricalColumn(c["column"], c["name"], tuple(c["values"])) for c in data["categorical"])
    numeric = tuple(NumericColumn(**{**c, "bins": tuple(c.get("bins", ()))}) for c in data["numeric"])
    return TabularEncoding(**{**data, "numeric": numeric, "categorical": categorical})


def _as_ever(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """Fields as JSON has them; a column without bins, and one with gaps, is written as it always was."""
    return {key: value for key, value in items if (key != "bins" or value) and (key != "gaps" or not value)}
