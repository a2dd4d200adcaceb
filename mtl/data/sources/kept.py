"""What was made of each partition, kept aside, so that the next run reads only what is new.

DVC removes a stage's output before the stage runs, so it is no place to look for what is known. Two files a partition lie in the
folder instead: `KEY.parquet`, copied into the output as it is, and `KEY.json`, which says what it is. KEY is a hash of the
partition's content, of what in the spec shapes its table, and of the code that read it. The columns of a source hold for all its
partitions together: where they change (`Note.fit`), a partition is read anew. So the output has the same bytes as without this.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import polars as pl
import pyarrow as pa

from mtl.data.sources.table import Table
from mtl.errors import DataError
from mtl.files import read_json, replacing, write_json

WORDS: dict[str, pl.DataType] = {
    "null": pl.Null(), "bool": pl.Boolean(), "int": pl.Int64(), "float": pl.Float64(), "text": pl.String(), "bytes": pl.Binary(),
    "date": pl.Date(), "time": pl.Time(), "stamp": pl.Datetime("us"), "utc": pl.Datetime("us", "UTC"),
}  # fmt: skip
"""Types whose names are noted, which are all that CSV, NDJSON and SQL have; Parquet has more, and says its own at once."""
ROOM = Path(__file__).parent
CODE = [*sorted(path.name for path in ROOM.glob("*.py")), "../bulk.py"]
"""The modules that make Parquet of a partition, relative to this room."""


@dataclass(frozen=True)
class Origin:
    """What a partition is known by: a text of whatever shapes its table, and the file whose content counts too."""

    shape: str
    file: Path | None = None
    rows: int | None = None
    """Of a query: how many rows it should give; with another number of rows it is not kept."""


@dataclass(frozen=True)
class Note:
    """What is noted of a kept file: the columns and first row it was written for, its rows, the hash of its bytes."""

    fit: str
    rows: int
    digest: str
    columns: dict[str, str] | None
    """The partition's own columns in WORDS; None where a type has none."""

    def schema(self) -> pl.Schema | None:
        return None if self.columns is None else pl.Schema({name: WORDS[word] for name, word in self.columns.items()})


class Remembered(Table):
    """A table whose own columns are asked once, or never if they were noted when it was read."""

    def __init__(self, table: Table, schema: pl.Schema | None) -> None:
        self.table, self._schema = table, schema
        self.place, self.size, self.loose, self.ordered = table.place, table.size, table.loose, table.ordered

    def header(self) -> list[str]:
        return self.table.header() if self._schema is None else self._schema.names()

    def schema(self) -> pl.Schema:
        if self._schema is None:
            self._schema = self.table.schema()
        return self._schema

    def chunks(self) -> Iterator[pl.DataFrame]:
        self.table.types = self.types
        return self.table.chunks()

    def count(self) -> int:
        return self.table.count()

    def locate(self, row: int) -> str:
        return self.table.locate(row)


class Partition:
    """One partition and its two files in the folder of what is kept."""

    def __init__(self, folder: Path, origin: Origin, table: Table) -> None:
        """Raises DataError if the partition cannot be read."""
        self.origin = origin
        self._before = _signature(origin.file)
        key = hashlib.sha256("\0".join((origin.shape, _content(origin.file, table.place), _code())).encode()).hexdigest()[:32]
        self.parquet, self.json = folder / f"{key}.parquet", folder / f"{key}.json"
        self.note = _read_note(self.json)
        self.table = Remembered(table, self.note.schema() if self.note else None)

    def take(self, fit: str, target: Path) -> bool:
        """Copy what is kept to `target`; False if there is nothing, or nothing that fits, or if it was damaged."""
        if self.note is None or self.note.fit != fit:
            return False
        try:
            if digest_of(self.parquet) != self.note.digest:
                return False
        except OSError:
            return False
        copy(self.parquet, target)
        return True

    def keep(self, fit: str, made: Path, rows: int) -> None:
        """Keep a copy of what was made of the partition. Without room for it, nothing is kept.

        Raises DataError if the partition's file was changed while it was read.
        """
        if _signature(self.origin.file) != self._before:
            raise DataError(
                f"{self.table.place}: the file was changed while it was read", expected="a file whose delivery is finished",
                found="another size or time of change than before", do="run again when it is whole",
            )  # fmt: skip
        if self.origin.rows not in (None, rows):
            return
        words = {dtype: word for word, dtype in WORDS.items()}
        schema = self.table.schema()
        known = {name: words[dtype] for name, dtype in schema.items() if dtype in words}
        note = Note(fit, rows, digest_of(made), known if len(known) == len(schema) else None)
        try:
            with replacing(self.parquet) as partial:
                copy(made, partial)
            write_json(self.json, asdict(note))
        except OSError:  # the output itself is whole
            return


def fit_of(schema: pl.Schema, first_row: int | None) -> str:
    """What a partition's kept file depends on beside the partition: the source's columns and, if rows are numbered, the first."""
    return hashlib.sha256(f"{schema!r}\0{first_row}".encode()).hexdigest()[:16]


def drop_others(folder: Path, partitions: Iterable[Partition]) -> None:
    """Remove what is kept of partitions that are gone."""
    stay = {path.name for one in partitions for path in (one.parquet, one.json)}
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in stay and path.is_file():
            path.unlink(missing_ok=True)


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy(source: Path, target: Path) -> None:
    """A copy of its own, never a hard link: whoever writes into one would change the other. Disks that can share the blocks do."""
    try:
        with source.open("rb") as old, target.open("wb") as new:
            left = os.fstat(old.fileno()).st_size
            while left:
                done = os.copy_file_range(old.fileno(), new.fileno(), left)
                if not done:
                    raise OSError("nothing was copied")
                left -= done
    except (AttributeError, OSError):  # not on this system, or not between these disks
        shutil.copyfile(source, target)


def _content(file: Path | None, place: str) -> str:
    try:
        return "" if file is None else digest_of(file)
    except OSError as error:
        raise DataError(f"{place}: the file cannot be read", found=str(error.strerror), do="mend the file's permissions") from None


def _signature(file: Path | None) -> tuple[int, int] | None:
    try:
        found = None if file is None else file.stat()
    except OSError:
        return None
    return None if found is None else (found.st_size, found.st_mtime_ns)


def _read_note(path: Path) -> Note | None:
    try:
        note = Note(**read_json(path))
        note.schema()
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # none, or a damaged one
        return None
    return note


@cache
def _code() -> str:
    """A hash of the code and the libraries that make Parquet of a partition."""
    whole = hashlib.sha256(f"polars {pl.__version__}, pyarrow {pa.__version__}".encode())
    for name in CODE:
        whole.update(name.encode() + b"\0" + (ROOM / name).read_bytes())
    return whole.hexdigest()
