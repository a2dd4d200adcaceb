"""SQL sources are asked before DVC is: what DVC watches of them is the small file that holds the answer."""

from __future__ import annotations

import time
from pathlib import Path

from mtl.errors import MtlError
from mtl.orchestration.watch import Outcome, watcher
from mtl.spec import SPEC, read_spec


def sql_sources(root: Path) -> list[str]:
    """Names of the sources that are SQL queries; none in a pipeline without a params.yaml."""
    if not (root / SPEC).is_file():
        return []
    return [name for name, source in read_spec(root / SPEC).sources.items() if source.is_sql]


def poll(root: Path, source: str) -> Outcome:
    """Ask one source; a server that is not there is an outcome, not an error."""
    from mtl.data.sources import poll_source

    started = time.perf_counter()
    try:
        polled = poll_source(read_spec(root / SPEC), source, root)
    except MtlError as error:
        return Outcome(f"poll@{source}", "failed", time.perf_counter() - started, str(error), error.exit_code)
    seconds = time.perf_counter() - started
    if not polled.changed:
        return Outcome(f"poll@{source}", "unchanged", seconds)
    said = polled.anew and f"all is fetched anew: {polled.anew}"
    watcher().line(f"poll@{source}", said or f"{polled.rows:,} rows")
    return Outcome(f"poll@{source}", "ran", seconds, said)
