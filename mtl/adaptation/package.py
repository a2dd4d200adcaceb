"""An adapted model as a folder: the champion's package as it was, and what the new task adds. Safetensors and JSON only."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl

from mtl.adaptation.addition import Addition, Means
from mtl.adaptation.learn import Learned, plan_task, predicted_with_spread
from mtl.adaptation.rows import TaskRows
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.errors import RegistryError
from mtl.files import read_json, replacing, write_json
from mtl.pretrained.rows import with_vectors
from mtl.registry.package import GOLDEN, PREDICTED, Package, Predictions, read_package, table

CHAMPION, WEIGHTS, TASK = "champion", "addition.safetensors", "task.json"


@dataclass(frozen=True)
class Adapted:
    """The champion and one more task. Old tasks are predicted by the champion's own network, so to the same bits."""

    champion: Package
    task: TaskEncoding
    folder: Path

    @property
    def encodings(self) -> Encodings:
        """The champion's inputs; its tasks, then the new one."""
        theirs = self.champion.encodings
        return Encodings(theirs.inputs, (*theirs.tasks, self.task), theirs.dropped_tasks)

    @cached_property
    def addition(self) -> Addition:
        """What the new task adds, with its weights, in evaluation mode."""
        from safetensors.torch import load_file

        said = read_json(self.folder / TASK)
        made = Addition(self.champion.network, plan_task(self.task), cast(Means, said["with"]), int(said["rank"]))
        made.load_state_dict(load_file(self.folder / WEIGHTS))
        return made.eval()

    def predictions(self, frame: pl.DataFrame) -> Predictions:
        """Task -> predictions of the rows of `frame`, the new task's last; see `Package.predictions`."""
        return self.predictions_with_spread(frame)[0]

    def predictions_with_spread(self, frame: pl.DataFrame) -> tuple[Predictions, Predictions]:
        """The same and, where the champion has members, their spread; see `Package.predictions_with_spread`."""
        frame = with_vectors(self.champion.encodings, frame)
        old, old_spread = self.champion.predictions_with_spread(frame)
        inputs = {name: one.apply(frame) for name, one in self.champion.encodings.inputs.items()}
        rows = TaskRows(inputs, np.zeros((frame.height, 1), np.float32), frame.select())
        new, new_spread = predicted_with_spread(self.champion.network, self.addition, self.task, rows)
        spread = {} if new_spread is None else {**old_spread, self.task.name: new_spread}
        return {**old, self.task.name: new}, spread

    def predict(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The same as a table; see `Package.predict`."""
        return table(self.encodings.tasks, *self.predictions_with_spread(frame))

    def golden(self) -> pl.DataFrame:
        """The champion's golden rows with the predictions of old tasks and new."""
        return pl.read_parquet(self.folder / GOLDEN)


def write_adapted(target: Path, champion: Package, task: TaskEncoding, learned: Learned, rank: int) -> None:
    """Pack the champion and the addition into the folder `target`, which then needs no registry."""
    from safetensors.torch import save_file

    with replacing(target) as partial:
        partial.mkdir()
        shutil.copytree(champion.folder, partial / CHAMPION)
        save_file({name: t.contiguous() for name, t in learned.addition.state_dict().items()}, partial / WEIGHTS)
        said: dict[str, Any] = {"task": asdict(task), "with": learned.addition.means, "rank": rank}
        write_json(partial / TASK, {**said, "best_epoch": learned.best_epoch})
        adapted = read_adapted(partial)
        rows = champion.golden().drop(pl.selectors.starts_with(PREDICTED))
        said_now = adapted.predict(rows).rename(lambda name: PREDICTED + name)
        rows.hstack(said_now).write_parquet(partial / GOLDEN)


def read_adapted(folder: str | Path) -> Adapted:
    """The model in `folder`. Raises RegistryError if a file of it is missing."""
    folder = Path(folder)
    for file in (WEIGHTS, TASK):
        if not (folder / file).is_file():
            raise RegistryError(f"{folder}: not an adapted model's folder", expected=f"the file {file}", found="no such file")
    task = TaskEncoding.parse(read_json(folder / TASK)["task"])
    return Adapted(read_package(folder / CHAMPION), task, folder)
