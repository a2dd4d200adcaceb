"""Asking an SQL source whether it has changed: the state file that DVC watches."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from mtl.data.sources.writer import enough_room
from mtl.errors import DataError
from mtl.files import read_json, write_json
from mtl.spec import Spec

State = str | int | float | bool | None


@dataclass(frozen=True)
class Polled:
    """What the database said: has the state changed since the last poll, rows, largest watermark (None without one)."""

    changed: bool
    rows: int | None = None
    watermark: State = None


def poll_source(spec: Spec, name: str, root: Path) -> Polled:
    """Write row count and largest watermark of an SQL source to its `path`, only if they changed.

    A source that is no SQL has nothing to ask: `changed` is False. Raises DataError if the database cannot be asked.
    """
    source = spec.sources[name]
    if not source.is_sql:
        return Polled(changed=False)
    from mtl.data.sources.sql import SqlTable  # brings SQLAlchemy

    table = SqlTable(name, source, spec.entities[spec.entity_of(name)].key, root)
    rows, largest = table.measure()
    mark = _plain(largest)
    state = {"rows": rows, "watermark": mark}
    path = root / source.path
    if path.is_dir():
        raise DataError(
            f"source {name!r}: {source.path} is a folder", expected="the name of a small file for the state of an SQL source",
            found="a folder", do=f"write `path: {source.path}/{name}.json` under this source",
        )  # fmt: skip
    changed = _read(path) != state
    if changed:
        with enough_room(f"source {name!r}", path, 0):
            write_json(path, state)
    return Polled(changed, rows, mark)


def _read(path: Path) -> Any:
    try:
        return read_json(path)
    except (OSError, ValueError):
        return None


def _plain(value: Any) -> State:
    """As JSON can hold it; two values that differ stay different."""
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
