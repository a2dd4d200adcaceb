"""Kept rows to a file of predictions, a piece at a time: memory does not grow with the batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from mtl.data.bulk import BYTES, bytes_of
from mtl.data.contract.chunks import ParquetSink
from mtl.data.encodings import TaskEncoding
from mtl.registry.package import Package, table
from mtl.serving.answers import check_answers, outside
from mtl.serving.batch import joined_rows
from mtl.spec import Spec

ROWS = 6 * 8192
"""Rows of a piece: whole batches of the network, so that cutting changes none of them."""
VERSION, DATE = "model_version", "date"
"""The column that says who predicted, and the one that the partition's folder says."""


@dataclass
class Counts:
    """Sums over the pieces."""

    predicted: int = 0
    without: int = 0
    """Rows without a value of any input."""
    inputs: Counter[str] = field(default_factory=Counter)
    """Input -> rows that have a value of it."""
    outside: Counter[str] = field(default_factory=Counter)
    """Task -> predictions beyond the spec's bounds."""


@dataclass(frozen=True)
class Asked:
    """Whom, by whom, of what."""

    root: Path
    spec: Spec
    source: str
    package: Package
    version: int
    tasks: Sequence[TaskEncoding]


def write_predictions(asked: Asked, kept: Iterable[pl.DataFrame], target: Path) -> Counts:
    """Predict all kept rows into the Parquet file `target`: key columns, those of `Package.predict`, `model_version`.

    Raises ContractError for a prediction that is none (`mtl.serving.answers`).
    """
    counts, sink = Counts(), None
    try:
        for piece in pieces(kept):
            frame = _predicted(asked, piece, counts)
            sink = sink or ParquetSink(target, frame.schema)
            sink.append(frame)
    finally:
        if sink is not None:
            sink.close()
    return counts


def pieces(frames: Iterable[pl.DataFrame], most: int | None = None) -> Iterator[pl.DataFrame]:
    """The same rows cut anew: `most` (ROWS if left out) a piece, fewer where their pictures or recordings are BYTES together; where
    it is cut depends on the rows alone."""
    most = ROWS if most is None else most
    held: pl.DataFrame | None = None
    for frame in frames:
        held = frame if held is None else pl.concat([held, frame])
        while end := _end(held, most):
            yield held.head(end)
            held = held.slice(end)
    if held is not None and held.height:
        yield held


def _end(held: pl.DataFrame, most: int) -> int:
    """Behind the last row of the first piece; 0 while it may still grow."""
    end = min(most, int(np.searchsorted(np.cumsum(bytes_of(held)), BYTES)) + 1)
    return end if end <= held.height else 0


def _predicted(asked: Asked, piece: pl.DataFrame, counts: Counts) -> pl.DataFrame:
    encodings = asked.package.encodings
    rows = joined_rows(asked.root, asked.spec, encodings, asked.source, piece)
    predictions, spreads = asked.package.predictions_with_spread(rows)
    told = table(asked.tasks, predictions, spreads)
    check_answers(asked.tasks, predictions, told, rows["key"])
    _count(asked, rows, counts)
    counts.outside.update(outside(asked.spec, asked.tasks, predictions))
    return _named(piece.select(asked.spec.entities[asked.spec.entity_of(asked.source)].key), told, asked.version)


def _count(asked: Asked, rows: pl.DataFrame, counts: Counts) -> None:
    """Which rows have which input."""
    seen = {name: pl.any_horizontal(pl.col(one.names).is_not_null()) for name, one in asked.package.encodings.inputs.items()}
    there = rows.select(**seen)
    counts.inputs.update({name: int(there[name].sum()) for name in there.columns})
    counts.without += int((~there.select(pl.any_horizontal(pl.all())).to_series()).sum())
    counts.predicted += rows.height


def _named(keys: pl.DataFrame, told: pl.DataFrame, version: int) -> pl.DataFrame:
    """Keys, predictions, version; a name that another has already, or the partition's, gets an underscore behind it."""
    taken = {VERSION, DATE}
    frames = [told.rename(_free(told.columns, taken))]
    frames.insert(0, keys.rename(_free(keys.columns, taken)))
    return pl.concat(frames, how="horizontal").with_columns(pl.lit(version, pl.Int64).alias(VERSION))


def _free(names: Sequence[str], taken: set[str]) -> dict[str, str]:
    """Name -> itself, or the first that is free; `taken` grows by them."""
    found = {}
    for name in names:
        free = name
        while free in taken or (free != name and free in names):
            free += "_"
        taken.add(free)
        found[name] = free
    return found
