"""Whether the services of a workspace run, asked without starting anything. Loads nothing heavy: `mtl run` asks it first."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from mtl.files import read_json
from mtl.services.places import LOCK, STATUS


@dataclass(frozen=True)
class Running:
    """What a supervisor has written down of itself."""

    state: str
    """starting, up, or failed."""
    error: str
    supervisor: int
    since: str
    prefect: str
    mlflow: str
    environment: Mapping[str, str]
    """What a process needs in order to use the servers."""
    programs: tuple[Mapping[str, Any], ...]


def running(root: Path) -> Running | None:
    """The services of `root`; None if nobody supervises any."""
    return said(root) if _is_taken(root / LOCK) else None


def said(root: Path) -> Running | None:
    """What stands in the status file, whether or not its writer still lives."""
    try:
        data = read_json(root / STATUS)
        return Running(**{**data, "programs": tuple(data["programs"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def supervising(root: Path, wait: float = 2.0) -> Iterator[bool]:
    """Hold the one post of a supervisor of `root`; false if another has it. The kernel frees it with its holder."""
    path = root / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + wait  # whoever only asks holds it for a moment too
    with path.open("a") as file:
        while not (taken := _lock(file, fcntl.LOCK_EX)) and time.monotonic() < until:
            time.sleep(0.05)
        yield taken


def _is_taken(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open() as file:
        return not _lock(file, fcntl.LOCK_SH)


def _lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
