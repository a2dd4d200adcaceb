"""What was fitted on train: how columns and targets become numbers, and back. JSON on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mtl.data.codes import FIRST, codes_of
from mtl.data.inputs import INPUTS
from mtl.data.inputs.base import Bools, Floats, InputEncoding
from mtl.files import read_json, write_json
from mtl.spec import NUMBERS, OF_CLASSES

FILE = "encodings.json"


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

    @property
    def parts(self) -> tuple[str, ...]:
        """What the numbers of one prediction are called; empty where it is one number."""
        return self.classes if self.kind in OF_CLASSES else ()

    def encode(self, target: pl.Series) -> tuple[Floats, Bools]:
        """float32 [n] (0 where not labelled) and the mask of labels, bool [n]."""
        if self.kind in NUMBERS:
            values = target.cast(pl.Float64).to_numpy()
            labelled = np.isfinite(values)
            return np.where(labelled, (values - self.mean) / self.std, 0.0).astype(np.float32), labelled
        if self.kind == "binary" and not self.classes[0]:  # every other value counts as negative
            text = target.cast(pl.String)
            return (text == self.classes[1]).fill_null(False).to_numpy().astype(np.float32), text.is_not_null().to_numpy()
        classes = codes_of(target.cast(pl.String), self.classes) - FIRST
        return np.maximum(classes, 0).astype(np.float32), classes >= 0

    def original(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Scaled values [n] in the task's own unit; class numbers and probabilities, which nothing scales, as they are."""
        return np.asarray(values, np.float64) * self.std + self.mean

    def difference(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Differences of scaled values [n] in the task's own unit; those of probabilities as they are."""
        return np.asarray(values, np.float64) * self.std


@dataclass(frozen=True)
class Encodings:
    """All inputs and all tasks, as they were fitted on train. From here on, THE list of tasks."""

    inputs: dict[str, InputEncoding]
    tasks: tuple[TaskEncoding, ...]
    dropped_tasks: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / FILE, self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """What `parse` reads."""
        inputs = {name: {"kind": one.kind, **asdict(one)} for name, one in self.inputs.items()}
        return {"inputs": inputs, "tasks": [asdict(task) for task in self.tasks], "dropped_tasks": self.dropped_tasks}

    @classmethod
    def read(cls, folder: Path) -> Encodings:
        return cls.parse(read_json(folder / FILE))

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Encodings:
        """From the mapping that `write` wrote."""
        inputs = {name: _input(one) for name, one in data["inputs"].items()}
        tasks = tuple(TaskEncoding(**{**t, "inputs": tuple(t["inputs"]), "classes": tuple(t["classes"])}) for t in data["tasks"])
        return cls(inputs, tasks, dict(data["dropped_tasks"]))

    @property
    def types(self) -> dict[str, pl.DataType]:
        """Raw columns that a model reads, over all inputs -> what their cells are."""
        return {name: dtype for one in self.inputs.values() for name, dtype in one.types.items()}

    @property
    def names(self) -> list[str]:
        """Columns of the frame that `apply` of the inputs reads."""
        return list(self.types)


def _input(data: Mapping[str, Any]) -> InputEncoding:
    return INPUTS[data["kind"]].parse({key: value for key, value in data.items() if key != "kind"})
