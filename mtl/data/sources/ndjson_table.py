"""NDJSON: one object a line. Types are found in a first pass; a column that mixes types is kept as text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import polars as pl

from mtl.data.sources.table import Table
from mtl.data.sources.text import whole_lines
from mtl.errors import DataError

Kind = Literal["null", "bool", "int", "float", "text"]
TYPES: dict[Kind, pl.DataType] = {
    "null": pl.Null(), "bool": pl.Boolean(), "int": pl.Int64(), "float": pl.Float64(), "text": pl.String(),
}  # fmt: skip


class NdjsonTable(Table):
    """A file with one JSON object a line."""

    loose = True

    def __init__(self, path: Path, place: str, encoding: str) -> None:
        self.path, self.place, self.encoding, self.size = path, place, encoding, path.stat().st_size
        self._schema: pl.Schema | None = None

    def header(self) -> list[str]:
        """Names in the first block (4 MB); one that first appears later is only in `schema`."""
        for block, line in self._blocks():
            return self._in_order(self._kinds(block, line))
        raise AssertionError("an empty file was refused before")

    def schema(self) -> pl.Schema:
        if self._schema is None:
            kinds: dict[str, Kind] = {}
            for block, line in self._blocks():
                for name, kind in self._kinds(block, line).items():
                    kinds[name] = wider(kinds.get(name, "null"), kind)
            self._schema = pl.Schema({name: TYPES[kinds[name]] for name in self._in_order(kinds)})
        return self._schema

    def chunks(self) -> Iterator[pl.DataFrame]:
        schema = pl.Schema({n: pl.String() if t == pl.Null else t for n, t in self.schema().items()})
        for block, line in self._blocks():
            try:
                yield pl.read_ndjson(block.encode(), schema=schema)
            except pl.exceptions.PolarsError:
                yield _by_hand(self._objects(block, line), schema)

    def locate(self, row: int) -> str:
        before = 0
        for block, line in self._blocks():
            for at, text in enumerate(block.split("\n"), start=line + 1):
                before += bool(text.strip())
                if before > row:
                    return f"line {at}"
        return super().locate(row)

    def _blocks(self) -> Iterator[tuple[str, int]]:
        """(whole lines, number of lines before them)."""
        lines = 0
        for block in whole_lines(self.path, self.place, self.encoding):
            if not lines:
                self._refuse_array(block)
            if block.strip():
                yield block, lines
            lines += block.count("\n")

    def _in_order(self, names: Iterable[str]) -> list[str]:
        """The first line's columns as they stand there, then the others by name: Polars promises no order."""
        block, line = next(self._blocks())
        first = list(next(self._objects(block, line)))
        return first + sorted(set(names) - set(first))

    def _kinds(self, block: str, line: int) -> dict[str, Kind]:
        try:
            schema = pl.read_ndjson(block.encode(), infer_schema_length=None).schema
        except pl.exceptions.PolarsError:
            return _kinds_by_hand(self._objects(block, line))
        return {name: _kind_of(dtype) for name, dtype in schema.items()}

    def _objects(self, block: str, line: int) -> Iterator[dict[str, Any]]:
        """Each line as an object; DataError names the first that is none."""
        for at, text in enumerate(block.split("\n"), start=line + 1):
            if text.strip():
                yield self._object(text, at)

    def _object(self, text: str, line: int) -> dict[str, Any]:
        try:
            value = json.loads(text, parse_constant=_refuse_constant)
        except ValueError as error:
            column = f", column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
            found = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise DataError(
                f"{self.place}, line {line}{column}: not JSON", expected="one JSON object a line",
                found=f"{found}: {text.strip()[:60]!r}", do="mend the line, or deliver the file again if it was cut short",
            ) from None  # fmt: skip
        if not isinstance(value, dict):
            raise DataError(
                f"{self.place}, line {line}: not a JSON object", expected='one JSON object a line, {"column": value, …}',
                found=text.strip()[:60], do="mend the line",
            )  # fmt: skip
        return value

    def _refuse_array(self, block: str) -> None:
        if block.lstrip().startswith("["):
            raise DataError(
                f"{self.place}: a JSON array", expected="one JSON object a line (NDJSON)", found="a file that begins with [",
                do="write one object a line, for example with `jq -c '.[]' in.json > out.ndjson`",
            )  # fmt: skip


def wider(one: Kind, other: Kind) -> Kind:
    """The kind that holds both."""
    if one == other or other == "null":
        return one
    if one == "null":
        return other
    return "float" if {one, other} == {"int", "float"} else "text"


def _kind_of(dtype: pl.DataType) -> Kind:
    for kind, known in TYPES.items():
        if dtype == known:
            return kind
    return "text"


def _kinds_by_hand(objects: Iterator[dict[str, Any]]) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    for one in objects:
        for name, value in one.items():
            kinds[name] = wider(kinds.get(name, "null"), _kind_of_value(value))
    return kinds


def _kind_of_value(value: Any) -> Kind:
    names: dict[type, Kind] = {type(None): "null", bool: "bool", float: "float"}
    if type(value) is int:
        return "int" if -(2**63) <= value < 2**63 else "text"
    return names.get(type(value), "text")


def _by_hand(objects: Iterator[Mapping[str, Any]], schema: pl.Schema) -> pl.DataFrame:
    columns: dict[str, list[Any]] = {name: [] for name in schema}
    for one in objects:
        for name, values in columns.items():
            value = one.get(name)
            values.append(_text(value) if schema[name] == pl.String else value)
    return pl.DataFrame(columns, schema=schema, strict=False)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON (write null)")
