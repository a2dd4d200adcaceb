"""One run a workspace: a lock that says who holds it and goes with its holder, however that one ends."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from mtl.errors import MtlError
from mtl.layout import STATE
from mtl.process import FLOW_RUN

LOCK = STATE / "run.lock"

_held: set[Path] = set()
_guard = threading.Lock()


class WorkspaceBusyError(MtlError):
    """Another run works in this workspace."""


@contextmanager
def workspace_lock(root: Path, wait: float = 0.0) -> Iterator[None]:
    """Hold the workspace, in which another may work for `wait` seconds more.

    Inside a block of the same process that holds it already, nothing more is done.

    Raises WorkspaceBusyError, which names the holder's pid, start and command. The lock is the kernel's
    (flock), so a holder that was killed leaves none behind.
    """
    path = (root / LOCK).resolve()
    with _guard:
        nested = path in _held
        file = None if nested else _taken(path, wait)
        _held.add(path)
    try:
        yield
    finally:
        if file is not None:
            with _guard:
                _held.discard(path)
            file.close()


def _taken(path: Path, wait: float) -> IO[str]:
    until = time.monotonic() + wait
    while True:
        try:
            return _take(path)
        except WorkspaceBusyError:
            if time.monotonic() >= until:
                raise
            time.sleep(min(1.0, wait))


def _take(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read()
        file.close()
        raise _busy(path, holder) from None
    file.truncate(0)
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    json.dump({"pid": os.getpid(), "since": since, "command": os.environ.get(FLOW_RUN) or " ".join(sys.argv)}, file)
    file.flush()
    return file


def _busy(path: Path, holder: str) -> WorkspaceBusyError:
    try:
        who = json.loads(holder)
        found = f"process {who['pid']} since {who['since']}: {who['command']}"
    except (ValueError, KeyError, TypeError):
        found = "a process that has just begun"
    return WorkspaceBusyError(
        f"another run works in {path.parent.parent}", expected="one run a workspace", found=found, do="wait until it has ended"
    )
