"""Which file is in which format, and which parts a source has."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from mtl.data.sources.csv_table import CsvTable, Manner
from mtl.data.sources.dated import endings_of, seen
from mtl.data.sources.files import FileTable
from mtl.data.sources.folder import SUFFIXES, Format, HiveTable, hive_columns, part_files, part_names
from mtl.data.sources.kept import Origin
from mtl.data.sources.ndjson_table import NdjsonTable
from mtl.data.sources.parquet_table import ParquetTable
from mtl.data.sources.table import Table
from mtl.errors import DataError, SpecError
from mtl.spec import Source, Spec

ARCHIVES = {
    b"\x1f\x8b": "a gzip archive", b"PK\x03\x04": "a zip archive or a spreadsheet", b"BZh": "a bzip2 archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive", b"\xfd7zXZ": "an xz archive", b"SQLite format 3": "an SQLite database",
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One file of a source, and the name of what is made of it."""

    name: str
    table: Table
    origin: Origin | None = None
    """Of one that is kept aside when it was read: what it is known by."""


def detect_format(path: Path) -> Format:
    """The format of a file (its first bytes, else its ending) or of the files in a folder.

    Raises DataError if it is an archive, or a folder without tables or with tables of several formats.
    """
    if path.is_dir():
        return _one_format(path, part_files(path, SUFFIXES, str(path)))
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise DataError(f"{path}: the file cannot be read", found=str(error.strerror), do="mend its permissions") from None
    for magic, what in ARCHIVES.items():
        if start.startswith(magic):
            raise DataError(
                f"{path}: {what}", expected="a CSV, NDJSON or Parquet file", found=what,
                do="use `url` and `query` for a database" if "database" in what else "unpack it, or save the table as CSV",
            )  # fmt: skip
    if start.startswith(b"PAR1"):
        return "parquet"
    known = SUFFIXES.get(path.suffix.lower())
    return known or ("ndjson" if start.lstrip().startswith(b"{") else "csv")


def open_parts(spec: Spec, name: str, root: Path) -> list[Part]:
    """The parts of a source: one for a file or a query, one a partition for a folder.

    Raises DataError or SpecError for what is not there or not readable.
    """
    source = spec.sources[name]
    if source.is_sql:
        from mtl.data.sources.sql_parts import sql_parts  # brings SQLAlchemy

        keys = spec.entities[spec.entity_of(name)].key
        return [Part(*part) for part in sql_parts(name, source, keys, root)]
    path = root / source.path
    _must_exist(path, source.path, name)
    if source.table is not None:
        return [Part("part-0000", _with_files(path, source, source.table, name))]
    if path.is_dir():
        return _partitions(path, source, name)
    if source.as_of is not None:
        raise SpecError(
            f"source {name!r}, {source.path}: as_of of one file",
            expected="a folder of dated partitions, or a query with a watermark",
            found="a file, which does not say when its rows came", do=f"take `as_of` out of the source {name!r} in params.yaml",
        )  # fmt: skip
    return [Part("part-0000", _table(path, source.path, _format(source, path), source))]


def _with_files(folder: Path, source: Source, table: str, name: str) -> Table:
    """The one table in a folder, with the files that it lists."""
    if not folder.is_dir():
        raise DataError(
            f"source {name!r}, {source.path}: not a folder", expected=f"a folder with the table {table} in it (table)",
            found="a file", do=f"write the folder as `path` of the source {name!r}, or leave `table` out",
        )  # fmt: skip
    path, place = folder / table, f"{source.path}/{table}"
    _must_exist(path, place, name)
    one = _table(path, place, _format(source, path), source)
    return FileTable(one, folder, source.files) if source.files else one


def _format(source: Source, path: Path) -> Format:
    if source.format == "csv" or source.format == "ndjson" or source.format == "parquet":
        return source.format
    return detect_format(path)


def _one_format(folder: Path, files: list[Path]) -> Format:
    formats = {detect_format(file) for file in files}
    if len(formats) > 1:
        raise DataError(
            f"{folder}: a folder of several formats", expected="partitions of one format", found=", ".join(sorted(formats)),
            do="write the source's `format` in params.yaml, or move the other files away",
        )  # fmt: skip
    return formats.pop()


def _partitions(folder: Path, source: Source, name: str) -> list[Part]:
    files = seen(part_files(folder, endings_of(source), source.path), folder, source, name)
    kind = source.format if source.format in ("csv", "ndjson", "parquet") else _one_format(folder, files)
    files = [file for file in files if SUFFIXES[file.suffix.lower()] == kind]
    relative = [file.relative_to(folder) for file in files]
    columns = hive_columns(relative, source.path)
    parts = []
    for file, short, called in zip(files, relative, part_names(relative, source.path), strict=True):
        table = _table(file, f"{source.path}/{short.as_posix()}", kind, source)
        shape = repr((kind, source.separator, source.encoding, source.null_values, columns[short], source.row_number and called))
        whole = HiveTable(table, columns[short]) if columns[short] else table
        parts.append(Part(called, whole, Origin(shape, file)))
    return parts


def _table(path: Path, place: str, kind: Format, source: Source) -> Table:
    if kind == "parquet":
        return ParquetTable(path, place)
    if kind == "ndjson":
        return NdjsonTable(path, place, source.encoding)
    return CsvTable(path, place, Manner(source.separator, source.encoding, source.null_values))


def _must_exist(path: Path, place: str, name: str) -> None:
    if path.exists():
        return
    folder = path.parent
    if not folder.is_dir():
        do, found = f"correct `path` of the source {name!r}, or bring the folder here", f"no folder {Path(place).parent}"
    else:
        there = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
        close = get_close_matches(path.name, there, n=1, cutoff=0.5)
        found = f"nearest in its folder: {close[0]}" if close else "in its folder: " + (", ".join(there[:10]) or "nothing")
        do = f"correct `path` of the source {name!r} in params.yaml" + (f" (perhaps {close[0]})" if close else "")
    raise DataError(f"source {name!r}, {place}: there is no such file or folder", expected=place, found=found, do=do)
