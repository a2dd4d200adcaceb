"""CSV: any separator, any encoding, quoted fields over several lines; every column as text.

The fast way counts fields with NumPy and lets Polars parse. Where quote marks stand in the middle of fields
(5" pipe), the rest of the file goes through Python's csv module, which reads them as they are meant.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from mtl.data.sources.csv_rows import Rows, count_fields, find_rows, guess_separator, has_stray_quote, is_blank
from mtl.data.sources.csv_slow import careful_rows
from mtl.data.sources.table import Table, check_names
from mtl.data.sources.text import LONGEST_ROW, text_blocks
from mtl.errors import DataError, SpecError

Chunk = tuple[pl.DataFrame, np.ndarray]
"""Rows, and the line (from 1) each begins on."""


@dataclass(frozen=True)
class Manner:
    """How a CSV is written."""

    separator: str | None
    encoding: str
    null_values: tuple[str, ...]


@dataclass(frozen=True)
class Header:
    names: list[str]
    separator: str
    line: int
    """The line the data begin on, counted from 0."""


class CsvTable(Table):
    """A CSV file."""

    def __init__(self, path: Path, place: str, manner: Manner) -> None:
        self.path, self.place, self.manner, self.size = path, place, manner, path.stat().st_size
        if manner.separator is not None and (len(manner.separator) != 1 or not manner.separator.isascii()):
            raise SpecError(
                f"{place}: its source's separator", expected="one ASCII character", found=repr(manner.separator),
                do="correct `separator` of the source in params.yaml, or leave it out",
            )  # fmt: skip

    def header(self) -> list[str]:
        for _, header in self._blocks():
            return header.names
        raise AssertionError("an empty file was refused before")

    def schema(self) -> pl.Schema:
        return pl.Schema({name: pl.String() for name in self.header()})

    def chunks(self) -> Iterator[pl.DataFrame]:
        return (frame for frame, _ in self._chunks())

    def locate(self, row: int) -> str:
        before = 0
        for frame, lines in self._chunks():
            if row < before + frame.height:
                return f"line {lines[row - before]}"
            before += frame.height
        return super().locate(row)

    def _chunks(self) -> Iterator[Chunk]:
        rest, line = b"", -1
        header: Header | None = None
        blocks = self._blocks()
        for block, header in blocks:
            line = header.line if line < 0 else line
            rest += block
            if has_stray_quote(rest, header.separator):
                yield from self._careful(rest, blocks, header, line)
                return
            done, chunk = self._fast(rest, header, line)
            if chunk is None and done:
                yield from self._careful(rest, blocks, header, line)
                return
            if chunk is not None:
                yield chunk
            line += rest.count(b"\n", 0, done)
            rest = rest[done:]
            self._refuse_endless(rest, line)
        if header is not None and rest:
            yield from self._last(rest, header, max(line, 0))

    def _fast(self, block: bytes, header: Header, line: int) -> tuple[int, Chunk | None]:
        """(bytes done, rows): no rows and bytes to do, if Polars reads the block in another way than we do."""
        rows = find_rows(block)
        blank = is_blank(block, rows)
        full = rows.take(~blank)
        self._check_counts(block, full, header, line)
        schema = dict.fromkeys(header.names, pl.String)
        if not len(full.starts):
            return rows.length, (pl.DataFrame(schema=schema), full.lines) if rows.length else None
        try:
            frame = pl.read_csv(
                block[: rows.length], has_header=False, schema=schema, separator=header.separator, quote_char='"',
                null_values=list(self.manner.null_values), empty_string_is_null="" in self.manner.null_values,
            )  # fmt: skip
        except pl.exceptions.PolarsError:
            return rows.length, None
        if frame.height != len(rows.starts):
            return rows.length, None
        return rows.length, (frame.filter(pl.Series(~blank)) if blank.any() else frame, full.lines + line + 1)

    def _check_counts(self, block: bytes, rows: Rows, header: Header, line: int) -> None:
        counts = count_fields(block, rows, header.separator)
        wrong = np.flatnonzero(counts != len(header.names))
        if len(wrong):
            first = wrong[0]
            raise self.wrong_count(int(counts[first]), header, line + int(rows.lines[first]) + 1)

    def wrong_count(self, count: int, header: Header, line: int, *, at_end: bool = False) -> DataError:
        """The error of a row with too many or too few fields."""
        width = len(header.names)
        sign = {"\t": "tab"}.get(header.separator, header.separator)
        do = f"quote the field that holds a {sign!r}" if count > width else "complete the row, or deliver the file again"
        end = "; the file ends in the middle of this row" if at_end and count < width else ""
        return DataError(
            f"{self.place}, line {line}: a row with too {'many' if count > width else 'few'} fields",
            expected=f"{width} fields, as in the header (separator {sign!r})",
            found=f"{count}{end}",
            do=do + ("" if self.manner.separator else ", or write the file's `separator` under this source in params.yaml"),
        )

    def _last(self, rest: bytes, header: Header, line: int) -> Iterator[Chunk]:
        """What stands after the last line break: a whole row without one, or one that was cut short."""
        if not rest.strip():
            return
        rows = find_rows(rest + b"\n")
        if not len(rows.starts):
            raise self.cut_in_quotes(line + 1)
        count = int(count_fields(rest + b"\n", rows, header.separator)[0])
        if count != len(header.names):
            raise self.wrong_count(count, header, line + 1, at_end=True)
        done, chunk = self._fast(rest + b"\n", header, line)
        if chunk is not None:
            yield chunk
        elif done:
            yield from self._careful(rest, iter(()), header, line)

    def _careful(self, rest: bytes, blocks: Iterator[tuple[bytes, Header]], header: Header, line: int) -> Iterator[Chunk]:
        def text() -> Iterator[bytes]:
            yield rest
            yield from (block for block, _ in blocks)

        width = len(header.names)
        for fields, lines in careful_rows(text(), header.separator, line, self.cut_in_quotes, self.place):
            for row, at in zip(fields, lines, strict=True):
                if len(row) != width:
                    raise self.wrong_count(len(row), header, at)
            frame = pl.DataFrame(fields, schema=dict.fromkeys(header.names, pl.String), orient="row")
            nulls = pl.Series(self.manner.null_values, dtype=pl.String).implode()
            frame = frame.select(pl.when(pl.all().is_in(nulls)).then(None).otherwise(pl.all()).name.keep())
            yield frame, np.asarray(lines)

    def cut_in_quotes(self, line: int) -> DataError:
        """The error of a quoted field that never ends."""
        return DataError(
            f"{self.place}, line {line}: the file ends in the middle of a quoted field of the row that begins here",
            expected="a closing quote mark",
            found="the end of the file",
            do="deliver the file again if it was cut short; else close the field, or double the quote mark that stands in it",
        )

    def _refuse_endless(self, rest: bytes, line: int) -> None:
        if len(rest) > LONGEST_ROW:
            raise DataError(
                f"{self.place}, line {line + 1}: a row of more than {LONGEST_ROW >> 20} MB begins here",
                expected="a closing quote mark", found="none", do="close the quoted field, or double the quote mark in it",
            )  # fmt: skip

    def _blocks(self) -> Iterator[tuple[bytes, Header]]:
        """The data's bytes in UTF-8, cut anywhere, with the header that stood before them."""
        start, header = b"", None
        for text in text_blocks(self.path, self.place, self.manner.encoding):
            if header is not None:
                yield text.encode(), header
                continue
            start += text.encode()
            header, data = self._read_header(start)
            if header is not None:
                yield data, header
        if header is None:
            header, data = self._read_header(start + b"\n")
            if header is None:
                raise self.cut_in_quotes(1)
            yield data, header

    def _read_header(self, start: bytes) -> tuple[Header | None, bytes]:
        rows = find_rows(start)
        if not len(rows.starts):
            return None, start
        bounds = zip(rows.starts.tolist(), rows.ends.tolist(), strict=True)
        first, end = next(((a, b + 1) for a, b in bounds if start[a:b].strip()), (0, 0))
        if not end:
            return None, start
        text = start[first:end].decode()
        separator = self.manner.separator or guess_separator(text)
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        named = [name or f"column_{i}" for i, name in enumerate(names, start=1)]
        check_names(self.place, named)
        return Header(named, separator, start.count(b"\n", 0, end)), start[end:]
