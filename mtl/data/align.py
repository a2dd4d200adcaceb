"""The stage `align`: the outer join of an entity's inputs and targets, the union over entities, as arrays."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from mtl.data.aligned import GOLDEN, AlignedSet
from mtl.data.encodings import Encodings
from mtl.data.inputs.base import Arrays, InputEncoding
from mtl.data.ragged import Ragged
from mtl.files import replacing
from mtl.layout import SPLITS
from mtl.spec import LISTS as KINDS

INPUTS, TARGETS, GOLDEN_FILE, SLICES_FILE = "inputs", "targets.parquet", "golden.parquet", "slices.parquet"
LISTS, LIST = "lists.parquet", "list"
"""The file of labels that are lists, and its column."""


def write_encoded(
    folder: Path,
    inputs: Mapping[str, pl.DataFrame],
    targets: Mapping[str, pl.DataFrame],
    golden: pl.DataFrame,
    slices: pl.DataFrame,
) -> None:
    """The tables of encode in the new folder `folder`: one Parquet an input, one of all targets (task, key, target) and, if
    some are lists, one of those (task, key, list)."""
    (folder / INPUTS).mkdir(parents=True)
    for name, frame in inputs.items():
        frame.write_parquet(folder / INPUTS / f"{name}.parquet", compression_level=1)
    long = [frame.select(pl.lit(task).alias("task"), "key", "target") for task, frame in targets.items()]
    pl.concat(long).write_parquet(folder / TARGETS, compression_level=1)
    lists = [frame.select(pl.lit(task).alias("task"), "key", LIST) for task, frame in targets.items() if LIST in frame.columns]
    if lists:
        pl.concat(lists).write_parquet(folder / LISTS, compression_level=1)
    golden.write_parquet(folder / GOLDEN_FILE)
    slices.write_parquet(folder / SLICES_FILE)


def align(encoded: Path, encodings: Encodings, split: pl.DataFrame, target: Path, sides: Sequence[str] = SPLITS) -> dict[str, int]:
    """Write `target`/train, valid and test, or some of them; the rows of each. A row is an entity that has an input."""
    inputs = {name: pl.read_parquet(encoded / INPUTS / f"{name}.parquet") for name in encodings.inputs}
    targets, slices = pl.read_parquet(encoded / TARGETS), pl.read_parquet(encoded / SLICES_FILE)
    known = _with_an_input(split, inputs)
    keys = [known.filter(pl.col("split") == side).select("entity", "key", "group") for side in sides]
    whole = _aligned(pl.concat(keys), encodings, inputs, targets)
    if (encoded / LISTS).is_file():
        whole = replace(whole, lists=_lists(pl.concat(keys), encodings, pl.read_parquet(encoded / LISTS)))
    start = 0
    with replacing(target) as partial:
        for side, of_side in zip(sides, keys, strict=True):
            of_test = of_side.select("entity", "key").join(slices, on=["entity", "key"], how="left", maintain_order="left")
            part = whole.at(slice(start, start + of_side.height))
            if side == "test":
                part.write(partial / side, of_side, of_test)
            else:
                replace(part, lists=_learned(part, encodings)).write(partial / side, of_side)
            start += of_side.height
        shutil.copyfile(encoded / GOLDEN_FILE, partial / "valid" / GOLDEN)
    return {side: of_side.height for side, of_side in zip(sides, keys, strict=True)}


def _with_an_input(split: pl.DataFrame, inputs: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Only rows that some input knows: a label without any input teaches nothing and cannot be predicted."""
    held = [frame.select("entity", "key") for frame in inputs.values()]
    return split.join(pl.concat(held), on=["entity", "key"], how="semi", maintain_order="left")


def _aligned(keys: pl.DataFrame, encodings: Encodings, inputs: dict[str, pl.DataFrame], targets: pl.DataFrame) -> AlignedSet:
    """The set on the rows of `keys`; targets: task, key, target."""
    arrays = {name: _input_arrays(keys, one, inputs[name]) for name, one in encodings.inputs.items()}
    values = np.zeros((keys.height, len(encodings.tasks)), np.float32)
    labelled = np.zeros(values.shape, np.bool_)
    place = {task.name: j for j, task in enumerate(encodings.tasks)}
    runs = targets["task"].rle().struct.unnest()  # a task's rows lie together: no name is looked up a row at a time
    of_row = np.repeat([place.get(name, -1) for name in runs["value"]], runs["len"].to_numpy())
    for entity in dict.fromkeys(task.entity for task in encodings.tasks):
        mine = [task.entity == entity for task in encodings.tasks] + [False]  # the last one: of no task
        rows = keys.with_row_index("row").filter(pl.col("entity") == entity).select("key", "row")
        found = targets.select("key", "target").join(rows, on="key", how="left", maintain_order="left")
        there = found["row"].is_not_null().to_numpy() & np.array(mine)[of_row]
        at = found["row"].filter(pl.Series(there)).to_numpy(), of_row[there]
        values[at], labelled[at] = found["target"].to_numpy()[there], True
    return AlignedSet(arrays, values, labelled, tuple(task.name for task in encodings.tasks))


def _lists(keys: pl.DataFrame, encodings: Encodings, lists: pl.DataFrame) -> dict[str, Ragged]:
    """Task -> its lists on the rows of `keys`, empty where it has no label; lists: task, key, list."""
    found = {}
    for task in (one for one in encodings.tasks if one.kind in KINDS):
        mine = lists.filter(pl.col("task") == task.name).select("key", LIST, entity=pl.lit(task.entity))
        found[task.name] = Ragged.of_lists(keys.join(mine, on=["entity", "key"], how="left", maintain_order="left")[LIST])
    return found


def _learned(part: AlignedSet, encodings: Encodings) -> dict[str, Ragged]:
    """The lists of a side that networks learn from, which is not what they are judged by."""
    return {task.name: task.learned(part.lists[task.name]) for task in encodings.tasks if task.name in part.lists}


def _input_arrays(keys: pl.DataFrame, one: InputEncoding, frame: pl.DataFrame) -> Arrays:
    """Arrays of one input on the rows of `keys`; zeros and present = False where the entity lacks it."""
    return one.aligned(keys.select("entity", "key").join(frame, on=["entity", "key"], how="left", maintain_order="left"))
