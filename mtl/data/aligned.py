"""The aligned set on disk: NumPy arrays with masks, memory-mapped; rows of all entities one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl

from mtl.data.encodings import TaskEncoding
from mtl.data.inputs.base import Array, Arrays, Bools, Floats
from mtl.data.ragged import Ragged
from mtl.files import read_json, write_json

INDEX, KEYS, SLICES, TARGETS, LABELLED = "index.json", "keys.parquet", "slices.parquet", "targets.npy", "labelled.npy"
GOLDEN = "golden.parquet"


@dataclass(frozen=True)
class AlignedSet:
    """One split of the aligned set.

    inputs: name -> arrays [rows, …] as `InputEncoding.apply` gives them, ragged ones among them;
    targets f32 [rows, task], 0 where not labelled; labelled bool [rows, task]; tasks in the order of the encodings.
    lists: of each task whose label is a list its numbers, int32 from 1, ragged [rows]; empty where not labelled.
    Of tags train and valid have those that are learned, test has all.
    """

    inputs: dict[str, Arrays]
    targets: Floats
    labelled: Bools
    tasks: tuple[str, ...]
    folder: Path | None = None
    lists: dict[str, Ragged] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return int(self.targets.shape[0])

    @classmethod
    def read(cls, folder: Path) -> AlignedSet:
        """The set in `folder`, its arrays memory-mapped."""
        index = read_json(folder / INDEX)
        inputs = {name: {part: _load(folder / "inputs" / name, part) for part in parts} for name, parts in index["inputs"].items()}
        targets, labelled = (np.load(folder / file, mmap_mode="r") for file in (TARGETS, LABELLED))
        tasks = tuple(index["tasks"])
        lists = {name: _load(folder, f"list.{tasks.index(name)}") for name in index.get("lists", ())}
        return cls(inputs, targets, labelled, tasks, folder, cast("dict[str, Ragged]", lists))

    def write(self, folder: Path, keys: pl.DataFrame, slices: pl.DataFrame | None = None) -> None:
        """Write into the new folder `folder`; `keys` has entity, key and group of each row."""
        folder.mkdir(parents=True)
        for name, parts in self.inputs.items():
            (folder / "inputs" / name).mkdir(parents=True)
            for part, array in parts.items():
                _save(folder / "inputs" / name, part, array)
        np.save(folder / TARGETS, self.targets)
        np.save(folder / LABELLED, self.labelled)
        for name, lists in self.lists.items():  # by its place: a task's name may hold what no file's may
            _save(folder, f"list.{self.tasks.index(name)}", lists)
        keys.write_parquet(folder / KEYS)
        if slices is not None:
            slices.write_parquet(folder / SLICES)
        index = {"rows": self.rows, "tasks": list(self.tasks), "inputs": {n: sorted(p) for n, p in self.inputs.items()}}
        write_json(folder / INDEX, index | ({"lists": list(self.lists)} if self.lists else {}))

    def at(self, rows: slice | np.ndarray[Any, Any]) -> AlignedSet:
        """Some of the rows, in memory."""
        inputs = {name: {part: array[rows] for part, array in of.items()} for name, of in self.inputs.items()}
        lists = {name: of_task[rows] for name, of_task in self.lists.items()}
        return AlignedSet(inputs, self.targets[rows], self.labelled[rows], self.tasks, lists=lists)

    def beside(self, other: AlignedSet) -> AlignedSet:
        """These rows and those of `other`, of the same inputs and tasks, behind them; in memory."""
        inputs = {
            name: {part: _both(array, other.inputs[name][part]) for part, array in of.items()} for name, of in self.inputs.items()
        }
        lists = {name: of_task.beside(other.lists[name]) for name, of_task in self.lists.items()}
        targets, labelled = np.concatenate([self.targets, other.targets]), np.concatenate([self.labelled, other.labelled])
        return AlignedSet(inputs, targets, labelled, self.tasks, lists=lists)

    def keys(self) -> pl.DataFrame:
        """entity, key, group of each row."""
        return pl.read_parquet(self._folder / KEYS)

    def slices(self) -> pl.DataFrame:
        """The spec's slice columns of each row (of test only)."""
        return pl.read_parquet(self._folder / SLICES)

    def golden(self) -> pl.DataFrame:
        """Raw input columns of a few rows (of valid only), with entity and key."""
        return pl.read_parquet(self._folder / GOLDEN)

    @property
    def _folder(self) -> Path:
        if self.folder is None:
            raise FileNotFoundError("this aligned set was made in memory and has no folder")
        return self.folder

    def truth(self, tasks: Sequence[TaskEncoding]) -> dict[str, Any]:
        """Task -> float64 [rows]: the target in the task's own unit, or its class number; of a list what `TaskEncoding.truth`
        makes of it."""
        column = {name: j for j, name in enumerate(self.tasks)}
        lists = {task.name: task.truth(self.lists[task.name]) for task in tasks if task.name in self.lists}
        plain = [task for task in tasks if task.name not in lists]
        return {task.name: task.original(self.targets[:, column[task.name]]) for task in plain} | lists

    def labels(self, tasks: Sequence[TaskEncoding]) -> dict[str, Bools]:
        """Task -> bool [rows]: whether the row has a label of it."""
        column = {name: j for j, name in enumerate(self.tasks)}
        return {task.name: np.asarray(self.labelled[:, column[task.name]]) for task in tasks}


def _both(first: Array, second: Array) -> Array:
    if isinstance(first, Ragged):
        assert isinstance(second, Ragged)
        return first.beside(second)
    assert not isinstance(second, Ragged)
    return np.concatenate([first, second])


def _save(folder: Path, part: str, array: Array) -> None:
    """PART.npy; of rows that differ in length PART.values.npy and PART.offsets.npy."""
    if isinstance(array, Ragged):
        np.save(folder / f"{part}.values.npy", array.values)
        np.save(folder / f"{part}.offsets.npy", array.offsets)
    else:
        np.save(folder / f"{part}.npy", np.ascontiguousarray(array))


def _load(folder: Path, part: str) -> Array:
    whole = folder / f"{part}.npy"
    if whole.is_file():
        found: Array = np.load(whole, mmap_mode="r")
        return found
    return Ragged(*(np.load(folder / f"{part}.{half}.npy", mmap_mode="r") for half in ("values", "offsets")))
