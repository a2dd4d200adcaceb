"""The stage `align`: the outer join of an entity's inputs and targets, the union over entities, as arrays."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from mtl.data.aligned import GOLDEN, AlignedSet
from mtl.data.encodings import Arrays, Encodings, TabularEncoding
from mtl.files import replacing
from mtl.layout import SPLITS

INPUTS, TARGETS, GOLDEN_FILE, SLICES_FILE = "inputs", "targets.parquet", "golden.parquet", "slices.parquet"


def write_encoded(
    folder: Path,
    inputs: Mapping[str, pl.DataFrame],
    targets: Mapping[str, pl.DataFrame],
    golden: pl.DataFrame,
    slices: pl.DataFrame,
) -> None:
    """The tables of encode in the new folder `folder`: one Parquet an input, one of all targets (task, key, target)."""
    (folder / INPUTS).mkdir(parents=True)
    for name, frame in inputs.items():
        frame.write_parquet(folder / INPUTS / f"{name}.parquet")
    long = [frame.select(pl.lit(task).alias("task"), "key", "target") for task, frame in targets.items()]
    pl.concat(long).write_parquet(folder / TARGETS)
    golden.write_parquet(folder / GOLDEN_FILE)
    slices.write_parquet(folder / SLICES_FILE)


def align(encoded: Path, encodings: Encodings, split: pl.DataFrame, target: Path, sides: Sequence[str] = SPLITS) -> dict[str, int]:
    """Write `target`/train, valid and test, or some of them; the rows of each. A row is an entity that has an input."""
    inputs = {name: pl.read_parquet(encoded / INPUTS / f"{name}.parquet") for name in encodings.inputs}
    targets = {str(task): rows for (task,), rows in pl.read_parquet(encoded / TARGETS).partition_by("task", as_dict=True).items()}
    slices = pl.read_parquet(encoded / SLICES_FILE)
    rows = {}
    with replacing(target) as partial:
        for side in sides:
            keys = split.filter(pl.col("split") == side).select("entity", "key", "group")
            keys = _with_an_input(keys, encodings, inputs)
            aligned = _aligned(keys, encodings, inputs, targets)
            of_test = keys.select("entity", "key").join(slices, on=["entity", "key"], how="left", maintain_order="left")
            aligned.write(partial / side, keys, of_test if side == "test" else None)
            rows[side] = aligned.rows
        shutil.copyfile(encoded / GOLDEN_FILE, partial / "valid" / GOLDEN)
    return rows


def _with_an_input(keys: pl.DataFrame, encodings: Encodings, inputs: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Only rows that some input knows: a label without any input teaches nothing and cannot be predicted."""
    held = [frame.select(pl.lit(encodings.inputs[name].entity).alias("entity"), "key") for name, frame in inputs.items()]
    return keys.join(pl.concat(held).unique(), on=["entity", "key"], how="semi", maintain_order="left")


def _aligned(
    keys: pl.DataFrame, encodings: Encodings, inputs: dict[str, pl.DataFrame], targets: dict[str, pl.DataFrame]
) -> AlignedSet:
    arrays = {name: _input_arrays(keys, one, inputs[name]) for name, one in encodings.inputs.items()}
    values = np.zeros((keys.height, len(encodings.tasks)), np.float32)
    labelled = np.zeros(values.shape, np.bool_)
    for j, task in enumerate(encodings.tasks):
        mine = targets[task.name].select("key", "target", entity=pl.lit(task.entity))
        column = keys.join(mine, on=["entity", "key"], how="left", maintain_order="left")["target"]
        labelled[:, j] = column.is_not_null().to_numpy()
        values[:, j] = column.fill_null(0).to_numpy()
    return AlignedSet(arrays, values, labelled, tuple(task.name for task in encodings.tasks))


def _input_arrays(keys: pl.DataFrame, one: TabularEncoding, frame: pl.DataFrame) -> Arrays:
    """Arrays of one input on the rows of `keys`; zeros and present = False where the entity lacks it."""
    mine = frame.with_columns(entity=pl.lit(one.entity))
    joined = keys.select("entity", "key").join(mine, on=["entity", "key"], how="left", maintain_order="left")
    numbers, codes = [c.name for c in one.numeric], [c.name for c in one.categorical]
    missing = joined.select(pl.col(numbers).is_null()).to_numpy() if numbers else np.ones((joined.height, 0), np.bool_)
    numeric = joined.select(pl.col(numbers).fill_null(0)).to_numpy() if numbers else np.zeros((joined.height, 0), np.float32)
    code = joined.select(pl.col(codes).fill_null(0)).to_numpy() if codes else np.zeros((joined.height, 0), np.int32)
    present = (~missing).any(axis=1) | (code != 0).any(axis=1)
    return {
        "numeric": numeric.astype(np.float32), "missing": missing.astype(np.bool_),
        "categorical": code.astype(np.int32), "present": present,
    }  # fmt: skip
