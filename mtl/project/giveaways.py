"""Columns that alone predict a target: the same measure as the pipeline's own leak check, on a sample of the rows."""

from __future__ import annotations

import numpy as np
import polars as pl

from mtl.data.fitting.scores import LEAST, Bools, Floats64, alone, alone_numeric
from mtl.data.keys import stable_hash
from mtl.project.guessed import GuessedTask, InputColumn
from mtl.project.look import Table, label, number

SAMPLE = 30_000
GIVES_AWAY = 0.97
"""Score from which a column is left out; a little below the pipeline's own limit, so that the first run does not stop."""
STRONG = 0.9
"""Score from which a column is pointed out."""

KEY = "\x1fkey"


def scores(
    task: GuessedTask, tables: dict[str, Table], inputs: dict[str, list[InputColumn]], keys: tuple[str, ...]
) -> dict[tuple[str, str], float]:
    """(source, column) -> how well it alone predicts the task (R², AUC, or share of errors removed); 1 is perfectly."""
    labels = _labels(task, tables[task.source], keys)
    first_half = (stable_hash(labels[KEY], "leak") & np.uint64(1)).astype(bool)
    if min(first_half.sum(), (~first_half).sum()) < LEAST:
        return {}
    target = labels["label"].cast(pl.Float64).to_numpy()
    found = {}
    for source, columns in inputs.items():
        if not columns:
            continue
        rows = labels.lazy().join(_keyed(tables[source], keys, columns), on=KEY, how="left", maintain_order="left").collect()
        for column in columns:
            found[source, column.name] = _score(rows[column.name], target, first_half, task.kind)
    return found


def _key(keys: tuple[str, ...]) -> pl.Expr:
    return pl.concat_str([pl.col(key).cast(pl.String) for key in keys], separator="\x1f").alias(KEY)


def _keyed(table: Table, keys: tuple[str, ...], columns: list[InputColumn]) -> pl.LazyFrame:
    cells = [
        number(c.name, table.columns[c.name].dtype).alias(c.name) if c.kind == "numeric" else pl.col(c.name).cast(pl.String)
        for c in columns
    ]
    return table.frame.select(_key(keys), *cells).unique(KEY, keep="last", maintain_order=True)


def _labels(task: GuessedTask, table: Table, keys: tuple[str, ...]) -> pl.DataFrame:
    """Key and label (a number) of at most SAMPLE labelled rows, evenly taken."""
    text = label(task.column, table.columns[task.column].dtype)
    if task.kind == "regression":
        target = number(task.column, table.columns[task.column].dtype)
    elif task.kind == "binary":
        target = pl.when(text == task.positive).then(1.0).when(text == task.negative).then(0.0)
    else:
        target = text.rank("dense") - 1
    rows = (
        table.frame.select(_key(keys), target.alias("label")).drop_nulls().unique(KEY, keep="last", maintain_order=True).collect()
    )
    return rows.gather_every(max(1, -(-rows.height // SAMPLE)))


def _score(column: pl.Series, target: Floats64, first_half: Bools, kind: str) -> float:
    if column.dtype == pl.String:
        return alone(column.rank("dense").fill_null(0).cast(pl.Int64).to_numpy(), target, first_half, kind)
    values = column.fill_nan(None)
    return alone_numeric(values.fill_null(0.0).to_numpy(), values.is_not_null().to_numpy(), target, first_half, kind)
