"""CSV as Python's csv module reads it: slower, and right about quote marks in the middle of fields."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator

from mtl.data.sources.text import LONGEST_ROW
from mtl.errors import DataError

ROWS = 20_000


def careful_rows(
    blocks: Iterable[bytes], separator: str, line: int, cut: Callable[[int], DataError], place: str
) -> Iterator[tuple[list[list[str]], list[int]]]:
    """(rows, the line each begins on, from 1), in chunks; blank lines left out.

    `line` is where the blocks begin, from 0; `cut` makes the error of a field that never ends.
    """
    csv.field_size_limit(LONGEST_ROW)
    reader = csv.reader(_lines(blocks), delimiter=separator, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    begin = line + 1
    while True:
        begin = line + reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise _broken(error, begin, cut, place) from None
        if row is None:
            break
        if row:
            rows.append(row)
            lines.append(begin)
        if len(rows) == ROWS:
            yield rows, lines
            rows, lines = [], []
    if rows:
        yield rows, lines


def _broken(error: csv.Error, line: int, cut: Callable[[int], DataError], place: str) -> DataError:
    if "unexpected end" in str(error):
        return cut(line)
    return DataError(
        f"{place}, line {line}: the row cannot be read", expected="quoted fields whose inner quote marks are doubled",
        found=str(error), do="double the quote marks inside the quoted field",
    )  # fmt: skip


def _lines(blocks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        for one in whole:
            yield one.decode() + "\n"
    if rest:
        yield rest.decode()
