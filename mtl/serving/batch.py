"""A batch of a source's rows that arrived, and its rows as a model reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from mtl.data.contract.chunks import files_of
from mtl.data.encodings import Encodings
from mtl.data.inputs import InputEncoding
from mtl.data.keys import key_expr
from mtl.errors import DataError
from mtl.layout import VALIDATED, VECTORS
from mtl.pretrained.rows import with_vectors
from mtl.serving.arrival import arrive
from mtl.spec import Spec

OTHER_SPEC = "the model was trained with another params.yaml: `mtl checkout champion` brings that back, `mtl run` trains anew"
"""What to do about a column that a model was not trained on."""


@dataclass(frozen=True)
class Batch:
    """Rows of one source that keep its contract, and a report on those that do not."""

    source: str
    kept: pl.DataFrame
    """Typed, as data/validated/SOURCE has them."""
    report: dict[str, Any]
    """As reports/validation/SOURCE.json: rows in, kept, quarantined, and why."""


def read_batch(root: Path, spec: Spec, source: str, path: Path | None = None, *, labels: bool = True) -> Batch:
    """The table at `path` (relative to `root`; the source's own if None), ingested and checked in a temporary folder.

    Columns of labels may be absent; those that are there are checked too, unless `labels` is False, which leaves out all that no
    input reads. Raises SpecError for a source that is not in the spec, DataError for a table that cannot be read or lacks a column
    that an input reads, ContractError if more is in quarantine than the source allows.
    """
    with TemporaryDirectory(prefix="mtl-batch-") as folder:
        came = arrive(root, spec, source, path, Path(folder) / source, labels=labels)
        came.stop_past_limit(path or Path(spec.sources[source].path))
        kept = pl.concat([pl.read_parquet(file, memory_map=False) for file in files_of(came.kept)])
        return Batch(source, kept, came.report)


def rows_of(root: Path, spec: Spec, encodings: Encodings, batch: Batch) -> pl.DataFrame:
    """The kept rows as a model with these encodings reads them: entity, key and its raw columns, in the order of the batch.

    What the model reads of the batch's source comes from the batch; of the entity's other sources, from data/validated where
    they have the key, else it is null, which the model takes as absent. Texts that a frozen encoder reads have their vectors beside
    them, the workspace's own where it has them. Raises DataError if either lacks a column that the model reads, or has it in
    another type, since it was trained with another params.yaml.
    """
    return joined_rows(root, spec, encodings, batch.source, batch.kept)


def joined_rows(root: Path, spec: Spec, encodings: Encodings, source: str, kept: pl.DataFrame) -> pl.DataFrame:
    """`rows_of` for some kept rows of a source, all columns as validated ones."""
    entity = spec.entity_of(source)
    frame = kept.select(pl.lit(entity).alias("entity"), key_expr(spec.entities[entity]))
    for one in encodings.inputs.values():
        theirs = one.sources.get(entity)
        if theirs == source:
            _need(one, source, kept.schema, "the batch's rows")
            mine = kept.select(pl.col(column).alias(name) for column, name in one.columns.items())
            frame = frame.hstack(mine)
        else:
            frame = _with_others(root, spec, one, source, frame)
    return with_vectors(encodings, frame, root / VECTORS)


def cells_elsewhere(
    root: Path, spec: Spec, encodings: Encodings, source: str, pieces: Iterable[pl.DataFrame]
) -> Iterator[pl.DataFrame]:
    """Of pieces of a source's kept rows, row by row, what the model reads of the entity's other sources: those raw columns, as
    `joined_rows` has them. No frame where it reads nothing there; raises DataError as `rows_of` does."""
    entity = spec.entity_of(source)
    others = [one for one in encodings.inputs.values() if one.sources.get(entity) not in (None, source)]
    if not others or spec.sources[source].row_number is not None:
        return
    for piece in pieces:
        frame = piece.select(key_expr(spec.entities[entity]))
        for one in others:
            frame = _with_others(root, spec, one, source, frame)
        yield frame.drop("key")


def _with_others(root: Path, spec: Spec, one: InputEncoding, source: str, frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` (key, …) with the raw columns of an input that another source has, or none."""
    others = pl.concat(_elsewhere(root, spec, one, source, frame.select("key")))
    return frame.join(others, on="key", how="left", maintain_order="left")


def _elsewhere(root: Path, spec: Spec, one: InputEncoding, source: str, keys: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """key and the raw columns of an input where another source has them of `keys`, part by part; at first a frame without rows.

    Rows that are numbered as they come have the key of other rows, which is nothing to join by.
    """
    yield pl.DataFrame(schema={"key": pl.String, **{name: one.types[name] for name in one.names}})
    entity = spec.entity_of(source)
    theirs = one.sources.get(entity)
    if theirs is None or spec.sources[source].row_number is not None:
        return
    wanted = [pl.col(column).cast(one.types[name]).alias(name) for column, name in one.columns.items()]
    for file in sorted((root / VALIDATED / theirs).glob("*.parquet")):
        _need(one, theirs, pl.read_parquet_schema(file), str(file))
        part = pl.scan_parquet(file).select(key_expr(spec.entities[entity]), *wanted).collect()
        yield part.join(keys, on="key", how="semi")  # joined and not filtered, which would hold on to all texts and bytes


def _need(one: InputEncoding, source: str, schema: Mapping[str, pl.DataType], place: str) -> None:
    absent = [column for column in one.columns if column not in schema]
    if absent:
        raise _other_spec(one, source, place, f"the columns {', '.join(one.columns)}", f"no {', '.join(absent)}")
    for column, name in one.columns.items():
        if not alike(schema[column], one.types[name]):
            raise _other_spec(one, source, place, f"the column {column!r} as {one.types[name]}", f"{schema[column]}")


def alike(found: pl.DataType, expected: pl.DataType) -> bool:
    """Whether cells of one type say what those of the other would: numbers of any width, a truth value as 0 or 1, none at all."""
    if found in (expected, pl.Null):
        return True
    if isinstance(found, pl.List) and isinstance(expected, pl.List):
        return alike(_inner(found), _inner(expected))
    if expected.is_float():
        return found.is_numeric() or found == pl.Boolean
    return expected.is_integer() and found.is_integer()


def _inner(dtype: pl.List) -> pl.DataType:
    return pl.Series([], dtype=dtype.inner).dtype  # an instance, be `inner` a class


def _other_spec(one: InputEncoding, source: str, place: str, expected: str, found: str) -> DataError:
    return DataError(
        f"input {one.name!r} of the model: {place} of source {source!r}", expected=expected, found=found,
        do=OTHER_SPEC,
    )  # fmt: skip
