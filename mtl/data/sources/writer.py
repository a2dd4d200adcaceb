"""Parquet in row groups whose size their rows decide, so that the same rows give the same bytes however they came in."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from mtl.data.bulk import BYTES, binary_columns, bytes_of
from mtl.errors import DataError

GROUP_CELLS = 1 << 21
GROUP_ROWS = (1 << 10, 1 << 17)
"""Least and most rows of a row group."""


class PartWriter:
    """Writes one Parquet file from frames of any size. Holds at most one row group in memory: so many rows, or BYTES of bytes."""

    def __init__(self, path: Path, schema: pl.Schema) -> None:
        self.rows = 0
        self._group = max(GROUP_ROWS[0], min(GROUP_ROWS[1], GROUP_CELLS // max(1, len(schema))))
        self._waiting: list[pl.DataFrame] = []
        self._held = self._bytes = 0
        arrow, binary = pl.DataFrame(schema=schema).to_arrow().schema, binary_columns(schema)
        plain = [name for name in schema if name not in binary]  # of bytes, the least and the largest are nothing to know
        self._writer = pq.ParquetWriter(
            path, arrow, compression="zstd", compression_level=3, version="2.6", write_page_index=True,
            write_statistics=plain if binary else True, use_dictionary=[name for name in plain if not schema[name].is_float()],
        )  # fmt: skip  # floats are mostly different: a dictionary of them takes four times as long and half as much room again

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows; the frame has the writer's schema."""
        self._waiting.append(frame)
        self._held += frame.height
        self._bytes += int(bytes_of(frame).sum())
        self.rows += frame.height
        if self._held >= self._group or self._bytes >= BYTES:
            self._flush()

    def close(self) -> None:
        """Write what is held and the footer."""
        if self._held:
            self._put(pl.concat(self._waiting))
        self._waiting, self._held, self._bytes = [], 0, 0
        self._writer.close()

    def _flush(self) -> None:
        held, start = pl.concat(self._waiting), 0
        together = np.cumsum(bytes_of(held))
        while end := self._end(together, start):
            self._put(held.slice(start, end - start))
            start = end
        rest = held.slice(start)
        self._waiting, self._held, self._bytes = [rest.clone()], rest.height, int(bytes_of(rest).sum())

    def _end(self, together: np.ndarray[Any, np.dtype[np.int64]], start: int) -> int:
        """Behind the last row of the group that begins at `start`: full, or with BYTES of bytes; 0 while it is neither."""
        before = int(together[start - 1]) if start else 0
        end = min(start + self._group, int(np.searchsorted(together, before + BYTES)) + 1)
        return end if end <= len(together) else 0

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
