"""An SQL source with a watermark, in parts: one for each interval of its state file, and nothing later than `as_of`."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from mtl.data.sources.kept import Origin
from mtl.data.sources.latest import ISO
from mtl.data.sources.sql import SqlTable
from mtl.data.sources.sql_state import Interval, Mark, Seen, SqlState, beyond, bound, read_state
from mtl.errors import DataError, SpecError
from mtl.spec import Source

DIGITS = 53
"""Binary digits of a float."""
STEP = 62
"""Largest power of two among SQLite's integers."""


def sql_parts(name: str, source: Source, keys: Sequence[str], root: Path) -> Iterator[tuple[str, SqlTable, Origin | None]]:
    """(name, table, what it is known by) of each part; one with all rows, not kept, without a state of this very query."""
    whole = SqlTable(name, source, keys, root)
    if source.watermark is None:
        yield "part-0000", whole, None
        return
    state = read_state(root / source.path, source)
    if state is None or not state.parts or (source.as_of is not None and beyond(state.watermark, source.as_of)):
        seen = _seen(whole, source)
        yield "part-0000", SqlTable(name, source, keys, root, where=seen), None
        return
    declared = whole.declared(source.watermark)
    for number, interval in enumerate(state.parts):
        where = _where(whole, source, interval, first=not number)
        shape = repr((state.of, state.anew, interval, not number, declared, tuple(keys), source.latest_by))
        table = SqlTable(name, source, keys, root, where=where, rows=_in_words(source, interval))
        yield f"part-{number:04d}", table, Origin(shape, rows=interval.rows)


def ask(table: SqlTable, source: Source, last: SqlState | None) -> Seen:
    """What the database says of the rows that `as_of` lets it see."""
    seen = _seen(table, source)
    below = "" if last is None else _up_to(table, source, last.watermark, nulls=True)
    rows, largest, under = table.measure(seen, below)
    return Seen(rows, mark_of(largest, table.what), None if last is None else under)


def mark_of(value: Any, what: str) -> Mark:
    """A watermark as JSON can hold it; two that differ stay different. DataError for what has no order to go by."""
    if isinstance(value, datetime.datetime) and value.tzinfo:  # one moment has one name, whatever the session's zone
        return value.astimezone(datetime.UTC).isoformat()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes | memoryview) or (isinstance(value, float) and value - value != 0):
        raise DataError(
            f"{what}: a watermark that nothing can be above", expected="dates, numbers or text",
            found=str(value) if isinstance(value, float) else "bytes", do="choose another column for `watermark` in params.yaml",
        )  # fmt: skip
    if isinstance(value, Decimal):
        return str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _where(table: SqlTable, source: Source, interval: Interval, *, first: bool) -> str:
    upto = _up_to(table, source, interval.upto, nulls=first)
    return upto if interval.after is None else f"{_column(source)} > {_literal(table, interval.after)} AND {upto}"


def _up_to(table: SqlTable, source: Source, mark: Mark, *, nulls: bool) -> str:
    """Rows up to a watermark, and (`nulls`) those without one."""
    column = _column(source)
    known = [f"{column} IS NULL"] if nulls or mark is None else []
    return "(" + " OR ".join([*known, *([] if mark is None else [f"{column} <= {_literal(table, mark)}"])]) + ")"


def _seen(table: SqlTable, source: Source) -> str:
    """What `as_of` lets through, as a condition; empty without it. SpecError if the watermark is no date."""
    if source.as_of is None:
        return ""
    _need_dates(table, source)
    when, also = bound(source.as_of)
    sign, column = "<=" if also else "<", _column(source)
    if table.sqlite:  # text, which sorts as time does once all of it is written alike
        alike = f"replace(replace(replace({column}, 'T', ' '), 'Z', ''), '+00:00', '')"
        text = when.isoformat(" ") if also else when.date().isoformat()
        return f"({column} IS NULL OR {alike} {sign} '{text}')"
    return f"({column} IS NULL OR {column} {sign} '{when.isoformat()}+00:00')"


def _need_dates(table: SqlTable, source: Source) -> None:
    _, largest, _ = table.measure("", "")
    is_date = isinstance(largest, datetime.date) or (table.sqlite and isinstance(largest, str) and re.match(ISO, largest))
    if largest is not None and not is_date:
        raise SpecError(
            f"{table.what}: as_of beside a watermark that is no date", expected="a column of dates or times (SQLite: ISO text)",
            found=f"{source.watermark} = {largest!r}",
            do="choose a column of dates for `watermark`, CAST it in the query, or take `as_of` out",
        )  # fmt: skip


def _column(source: Source) -> str:
    return '"' + (source.watermark or "").replace('"', '""') + '"'


def _literal(table: SqlTable, mark: Mark) -> str:
    """A watermark as the database reads it back, to the last digit."""
    if table.sqlite and isinstance(mark, float):
        return _exact(mark)
    if table.sqlite and isinstance(mark, int):
        return str(int(mark))
    return "'" + str(mark).replace("'", "''") + "'"


def _exact(value: float) -> str:
    """A float in steps of which each is exact: SQLite reads some decimals one digit beside."""
    fraction, exponent = math.frexp(value)
    sign, left = ("*" if exponent > DIGITS else "/"), abs(exponent - DIGITS)
    powers = [min(STEP, left - start) for start in range(0, left, STEP)]
    return f"(CAST({int(fraction * 2**DIGITS)} AS REAL)" + "".join(f" {sign} CAST({2**power} AS REAL)" for power in powers) + ")"


def _in_words(source: Source, interval: Interval) -> str:
    above = "" if interval.after is None else f" above {interval.after}"
    return f"{source.watermark}{above} up to {interval.upto}"
