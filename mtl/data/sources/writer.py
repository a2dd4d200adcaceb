"""Parquet in row groups of a fixed size, so that the same rows give the same bytes however they came in."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl
import pyarrow.parquet as pq

from mtl.errors import DataError

GROUP_CELLS = 1 << 21
GROUP_ROWS = (1 << 10, 1 << 17)
"""Least and most rows of a row group."""


class PartWriter:
    """Writes one Parquet file from frames of any size. Holds at most one row group in memory."""

    def __init__(self, path: Path, schema: pl.Schema) -> None:
        self.rows = 0
        self._group = max(GROUP_ROWS[0], min(GROUP_ROWS[1], GROUP_CELLS // max(1, len(schema))))
        self._waiting: list[pl.DataFrame] = []
        self._held = 0
        arrow = pl.DataFrame(schema=schema).to_arrow().schema
        self._writer = pq.ParquetWriter(
            path, arrow, compression="zstd", compression_level=3, version="2.6", write_page_index=True,
            use_dictionary=[name for name, kind in schema.items() if not kind.is_float()],
        )  # fmt: skip  # floats are mostly different: a dictionary of them takes four times as long and half as much room again

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows; the frame has the writer's schema."""
        self._waiting.append(frame)
        self._held += frame.height
        self.rows += frame.height
        if self._held >= self._group:
            self._flush()

    def close(self) -> None:
        """Write what is held and the footer."""
        if self._held:
            self._put(pl.concat(self._waiting))
        self._waiting, self._held = [], 0
        self._writer.close()

    def _flush(self) -> None:
        held = pl.concat(self._waiting)
        whole = held.height - held.height % self._group
        for start in range(0, whole, self._group):
            self._put(held.slice(start, self._group))
        rest = held.slice(whole)
        self._waiting, self._held = [rest.clone()], rest.height

    def _put(self, group: pl.DataFrame) -> None:
        self._writer.write_table(group.rechunk().to_arrow(), row_group_size=self._group)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
            return
        try:
            self._writer.close()  # only to let go of the file; it is thrown away
        except OSError:
            return


@contextmanager
def enough_room(what: str, target: Path, needed: int) -> Iterator[None]:
    """An OSError of writing below `target` as a DataError; of a full disk with the room there is and the room it takes.

    `needed`: bytes of what is read, 0 if nobody knows.
    """
    try:
        yield
    except OSError as error:
        folder = next((p for p in (target, *target.parents) if p.is_dir()), Path())
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(
                f"{what}: cannot write to {target.parent}", found=error.strerror or str(error), do="mend the folder's permissions"
            ) from None
        room = f"about {_megabytes(needed)}, the size of what is read" if needed else "more than that"
        raise DataError(
            f"{what}: the disk is full, in the folder {target.parent}",
            expected=f"room for the table: {room}",
            found=f"{_megabytes(shutil.disk_usage(folder).free)} free",
            do="make room there and run again; nothing half-written was left",
        ) from None


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
