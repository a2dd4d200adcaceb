"""Which columns of a source a batch must bring, and which it may: the contract of rows whose labels nobody knows yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl

from mtl.data.contract.columns import roots_of, uses_of
from mtl.data.contract.use import Kind, Use
from mtl.data.sources.table import nearest_column
from mtl.errors import DataError
from mtl.spec import Spec

KINDS: dict[type[pl.DataType], Kind] = {pl.Float64: "numeric", pl.String: "text", pl.Date: "date", pl.Datetime: "datetime"}
"""Type of a validated column -> its kind, where the spec leaves it to the cells."""


def wanted(spec: Spec, source: str, header: Collection[str], place: str, *, labels: bool) -> tuple[Spec, dict[str, Use]]:
    """The uses of the columns that a batch with these columns is checked by, and the spec without derived columns that it cannot
    make.

    The key, what inputs read and what orders repeated keys must be there; with `labels` every other column that the spec uses is
    checked too where it is there, else it is left out. Raises DataError that names every column that must be there and is not.
    """
    said = spec.sources[source]
    must = _made_of(_must(spec, source), said.derived, source)
    absent = [column for column in must if column not in said.derived and column not in header]
    if absent:
        raise _absent(source, place, absent, header)
    uses = uses_of(spec, source)
    keep = {column for column in uses if column in must}
    if labels:
        keep |= {c for c in uses if all(r in said.derived or r in header for r in _made_of([c], said.derived, source))}
    derived = {column: text for column, text in said.derived.items() if column in keep}
    mine = said.model_copy(update={"derived": derived, "expectations": ()})
    return _with(spec, source, mine), {c: _unsplit(spec, source, use) for c, use in uses.items() if c in keep}


def as_before(uses: Mapping[str, Use], derived: Collection[str], validated: Path) -> dict[str, Use]:
    """What the spec leaves to the cells, as the workspace's own table has it: few rows may look otherwise.

    `validated`: the folder of the source's validated rows; without one the uses stay as they are.
    """
    file = next(iter(sorted(validated.glob("*.parquet"))), None)
    known = pl.read_parquet_schema(file) if file is not None else {}
    kinds = {column: KINDS.get(dtype.base_type()) for column, dtype in known.items()}
    found = {}
    for column, use in uses.items():
        kind = kinds.get(column) if use.kind in ("plain", "time") and column not in derived else None
        found[column] = use if kind is None else replace(use, kind=kind)
    return found


def _must(spec: Spec, source: str) -> list[str]:
    said = spec.sources[source]
    read = [column for one in spec.inputs.values() if source in one.all_sources for column in one.names]
    return [*spec.entities[spec.entity_of(source)].key, *read, *([said.latest_by] if said.latest_by else [])]


def _made_of(columns: Iterable[str], derived: Mapping[str, str], source: str) -> list[str]:
    """The columns and, of derived ones, all that they are made of, each once."""
    found: dict[str, None] = {}
    waiting = list(columns)
    while waiting:
        column = waiting.pop(0)
        if column not in found and column in derived:
            waiting += roots_of(derived[column], f"sources.{source}.derived.{column}")
        found[column] = None
    return list(found)


def _unsplit(spec: Spec, source: str, use: Use) -> Use:
    """A new row is on no side of the split yet: the column that says it may be empty."""
    split = f"entities.{spec.entity_of(source)}.split.column"
    return replace(use, nullable=True, allowed=()) if use.where == split else use


def _with(spec: Spec, source: str, said: object) -> Spec:
    return spec.model_copy(update={"sources": {**spec.sources, source: said}})


def _absent(source: str, place: str, absent: list[str], header: Collection[str]) -> DataError:
    named = ", ".join(repr(column) for column in absent)
    return DataError(
        f"source {source!r}, {place}: no column{'s' if len(absent) > 1 else ''} {named}",
        expected="the key and every column that an input of params.yaml reads; labels may be absent",
        found=nearest_column(absent[0], list(header)),
        do="bring the columns (a cell may be empty), or correct their names in the table's header",
    )
