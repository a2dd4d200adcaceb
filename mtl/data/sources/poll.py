"""Asking an SQL source whether it has changed: the state file that DVC watches."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mtl.data.sources.latest import ISO
from mtl.data.sources.sql_state import Mark, Seen, SqlState, next_state, query_of, read_state
from mtl.data.sources.writer import enough_room
from mtl.errors import DataError
from mtl.files import read_json, write_json
from mtl.layout import KEPT
from mtl.spec import Source, Spec


@dataclass(frozen=True)
class Polled:
    """What the database said: has the state changed since the last poll, rows, largest watermark (None without one)."""

    changed: bool
    rows: int | None = None
    watermark: Mark = None
    anew: str = ""
    """Why everything is fetched anew, though there was a state: rows up to the last watermark came or went."""


def poll_source(spec: Spec, name: str, root: Path) -> Polled:
    """Write what an SQL source holds to its `path`, only if that changed: rows, largest watermark, and the watermark's intervals.

    A source that is no SQL has nothing to ask: `changed` is False. Raises DataError if the database cannot be asked, SpecError
    if `as_of` cannot be kept.
    """
    source = spec.sources[name]
    if not source.is_sql:
        return Polled(changed=False)
    path = root / source.path
    if path.is_dir():
        raise DataError(
            f"source {name!r}: {source.path} is a folder", expected="the name of a small file for the state of an SQL source",
            found="a folder", do=f"write `path: {source.path}/{name}.json` under this source",
        )  # fmt: skip
    last = read_state(path, source)
    seen = _ask(spec, name, root, last)
    of = "" if source.watermark is None else query_of(source)
    state, anew = next_state(last if of else None, seen, of)
    if of and last is None and (root / KEPT / name).is_dir():  # somebody took the state away, to have all of it read anew
        state = replace(state, anew=secrets.randbits(32))
    before = _read(path)
    changed = before != state.as_json()
    if changed:
        with enough_room(f"source {name!r}", path, 0):
            write_json(path, state.as_json())
    return Polled(changed, state.rows, state.watermark, anew)


def has_moments(root: Path, source: Source) -> bool:
    """Whether `as_of` can pin an SQL source: the largest watermark of its last poll is a date or a time."""
    state = read_state(root / source.path, source) if source.is_sql and source.watermark is not None else None
    return state is not None and isinstance(state.watermark, str) and re.match(ISO, state.watermark) is not None


def _ask(spec: Spec, name: str, root: Path, last: SqlState | None) -> Seen:
    from mtl.data.sources.sql import SqlTable  # brings SQLAlchemy
    from mtl.data.sources.sql_parts import ask

    source: Source = spec.sources[name]
    return ask(SqlTable(name, source, spec.entities[spec.entity_of(name)].key, root), source, last)


def _read(path: Path) -> Any:
    try:
        return read_json(path)
    except (OSError, ValueError):
        return None
