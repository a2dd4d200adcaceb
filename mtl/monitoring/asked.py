"""What the model makes of rows: its predictions, and its vectors of what is no table; counted for each source that knows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mtl.data.encodings import TaskEncoding
from mtl.data.inputs import InputEncoding
from mtl.data.inputs.base import Arrays, Bools
from mtl.monitoring import told
from mtl.monitoring.parts import Part, Presence, Vectors
from mtl.pretrained.rows import with_vectors
from mtl.registry.package import Package, Predictions

READ_AS_THEY_ARE = ("vector", "pretrained_vector", "bits")
"""Kinds of inputs whose cells are vectors themselves; of others the encoder makes one, and of a table nobody needs one."""


@dataclass(frozen=True)
class Asked:
    """Rows of one entity that have some input: their keys, their inputs' arrays, and what is predicted of them."""

    package: Package
    entity: str
    keys: pl.Series
    arrays: Mapping[str, Arrays]
    predictions: Predictions

    def present(self, name: str) -> Bools:
        return np.asarray(self.arrays[name]["present"])

    def inputs(self, rows: Bools) -> dict[str, Presence]:
        """Of these rows, whether they have each of the entity's inputs."""
        mine = [name for name, one in self.package.encodings.inputs.items() if self.entity in one.sources]
        return {name: Presence.of(~self.present(name)[rows]) for name in mine}

    def task(self, task: TaskEncoding, rows: Bools, like: Part | None = None) -> Part:
        return told.count(told.predicted(task, self.predictions[task.name][rows]), like)

    def alone(self, source: str, like: Mapping[str, Part] | None = None) -> dict[str, Part]:
        """Task -> what is predicted of the rows that have an input of the source, by its inputs alone; of tasks that see any.

        Nothing where the entity has no other source's inputs. `like`: the parts whose bins to count by, and no other tasks.
        """
        from mtl.network.predict import predict

        all_sources = {name: one.sources.get(self.entity) for name, one in self.package.encodings.inputs.items()}
        mine = [name for name, theirs in all_sources.items() if theirs == source]
        if not mine or set(all_sources.values()) <= {source, None}:
            return {}
        some = np.any([self.present(name) for name in mine], axis=0)
        arrays = {name: {part: array[some] for part, array in self.arrays[name].items()} for name in mine}
        said = predict(self.package.network, self.package.encodings, arrays) if some.any() else {}
        tasks = [task for task in self.tasks if said and not set(mine).isdisjoint(task.inputs)]
        return {
            task.name: told.count(told.predicted(task, said[task.name]), like[task.name] if like else None)
            for task in tasks
            if like is None or task.name in like
        }

    @property
    def tasks(self) -> list[TaskEncoding]:
        return [task for task in self.package.encodings.tasks if task.entity == self.entity]

    def embeddings(self, source: str) -> dict[str, Vectors]:
        """COLUMN@INPUT -> the vectors of the rows that have it, of every input of the source that is no table."""
        return {
            f"{column}@{name}": Vectors.of(self._vectors(name, one)[self.present(name)], len(self.keys))
            for name, one in self.package.encodings.inputs.items()
            if one.sources.get(self.entity) == source and one.kind != "tabular"
            for column in one.columns
        }

    def _vectors(self, name: str, one: InputEncoding) -> np.ndarray[Any, Any]:
        if one.kind in READ_AS_THEY_ARE:
            return np.asarray(self.arrays[name]["numeric"])
        from mtl.network.represent import represent

        return represent(self.package.network, self.arrays, name)


def ask(package: Package, entity: str, frame: pl.DataFrame, kept: Path | None = None) -> Asked:
    """The model about raw rows (`key` and its columns); `kept`: where the stage `embed` left vectors that need not be computed.

    Rows without any input are left out, as they are where the model is trained.
    """
    from mtl.network.predict import predict

    frame = with_vectors(package.encodings, frame, kept)
    arrays = {name: one.apply(frame) for name, one in package.encodings.inputs.items()}
    some = np.any([of["present"] for of in arrays.values()], axis=0)
    if not some.all():
        arrays = {name: {part: array[some] for part, array in of.items()} for name, of in arrays.items()}
    keys = frame["key"].filter(pl.Series(some))
    said = predict(package.network, package.encodings, arrays) if len(keys) else {}
    return Asked(package, entity, keys, arrays, said)
