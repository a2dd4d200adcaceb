"""Files that a table lists: pictures, recordings. Their bytes become a column, so that no later stage reads a path.

A file that is missing does not stop the source: its cell holds the problem instead (`mtl.data.file_cells`), and costs its row,
with that reason, where cells are checked (`mtl.data.contract`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from mtl.data.bulk import BYTES
from mtl.data.file_cells import CONTENT, FILE, PATH, PROBLEM
from mtl.data.sources.table import Table, nearest_column
from mtl.errors import DataError

LARGEST = 256 << 20
"""Bytes of one file at most: it is held whole in memory, here and in every later stage."""
OUTSIDE = "a path that leads out of the source's folder"
MISSING = "no such file in the source's folder"
NO_FILE = "not a file"
TOO_LARGE = f"a file of more than {LARGEST >> 20} MiB"


class FileTable(Table):
    """A table with the files that it lists, as new columns."""

    def __init__(self, table: Table, folder: Path, files: Mapping[str, str]) -> None:
        """`folder` is what paths are relative to; `files`: new column -> the table's column of paths."""
        self.table, self.files, self.folder = table, dict(files), Path(os.path.realpath(folder))
        self.place, self.loose, self.ordered = table.place, table.loose, table.ordered

    def header(self) -> list[str]:
        names = self.table.header()
        for new, column in self.files.items():
            if new in names:
                raise DataError(
                    f"{self.place}: a column {new!r}", expected=f"a new name for the files of {column!r} (files)",
                    found="the table has a column of this name", do="choose another name under `files` in params.yaml",
                )  # fmt: skip
            if column not in names:
                raise DataError(
                    f"{self.place}: no column {column!r}", expected="a column of paths, as params.yaml says (files)",
                    found=nearest_column(column, names), do="correct the name in params.yaml, or the table's header",
                )  # fmt: skip
        return [*names, *self.files]

    def schema(self) -> pl.Schema:
        schema = self.table.schema()
        self.header()
        for column in self.files.values():
            if schema[column] not in (pl.String, pl.Null):
                raise DataError(
                    f"{self.place}: the column {column!r} holds no paths",
                    expected="text, since params.yaml names it under `files`",
                    found=f"the type {schema[column]}", do="name the column of paths, or write them into the table as text",
                )  # fmt: skip
        return pl.Schema({**schema, **dict.fromkeys(self.files, FILE)})

    def chunks(self) -> Iterator[pl.DataFrame]:
        """The rows, in frames of about BYTES of files at most (one file at least)."""
        self.schema()
        for frame in self.table.chunks():
            read = {new: frame[column].cast(pl.String).str.strip_chars() for new, column in self.files.items()}
            start = 0
            while start < frame.height:
                cells, stop = _some(self.folder, read, start, frame.height)
                files = [pl.Series(new, of, dtype=FILE) for new, of in cells.items()]
                yield frame.slice(start, stop - start).with_columns(files)
                start = stop

    def count(self) -> int:
        return self.table.count()

    def locate(self, row: int) -> str:
        return self.table.locate(row)


Cell = dict[str, str | bytes | None]


def _some(folder: Path, paths: Mapping[str, pl.Series], start: int, end: int) -> tuple[dict[str, list[Cell | None]], int]:
    """The files of the rows from `start` on until they are BYTES together, and the row behind the last of them."""
    cells: dict[str, list[Cell | None]] = {new: [] for new in paths}
    held, row = 0, start
    while row < end and held < BYTES:
        for new, of in paths.items():
            cell = read_file(folder, of[row]) if of[row] else None
            cells[new].append(cell)
            held += len(cell[CONTENT] or b"") if cell else 0
        row += 1
    return cells, row


def read_file(folder: Path, path: str) -> Cell:
    """One cell of FILE: the file at `path` below `folder` (a real path), or why it cannot be read."""
    try:
        real = Path(os.path.realpath(folder / path, strict=True))
        problem = _problem(folder, path, real)
        content = None if problem else real.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte in it
        content, problem = None, _of_error(folder, path, error)
    return {PATH: path, CONTENT: content, PROBLEM: problem}


def _problem(folder: Path, path: str, real: Path) -> str | None:
    if not real.is_relative_to(folder) or Path(path).is_absolute():
        return OUTSIDE
    found = real.stat()
    if not stat.S_ISREG(found.st_mode):
        return NO_FILE
    return TOO_LARGE if found.st_size > LARGEST else None


def _of_error(folder: Path, path: str, error: OSError | ValueError) -> str:
    if not Path(os.path.normpath(folder / path)).is_relative_to(folder):
        return OUTSIDE
    if isinstance(error, FileNotFoundError | NotADirectoryError | ValueError):
        return MISSING
    return f"a file that cannot be read ({error.strerror})"
