"""The processes of a workspace's services, found by the mark in their environment, whoever their parent is today."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mtl.services.places import MARK


def marked(root: Path) -> list[Any]:
    """psutil's processes that carry the mark of the workspace `root`; this one and its ancestors left out."""
    import psutil

    mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in psutil.process_iter() if process.pid not in mine and _mark(process) == str(root)]


def end_marked(root: Path, grace: float) -> int:
    """Ask them all to end (SIGTERM), end them (SIGKILL) after `grace` seconds; how many there were.

    Those that a worker starts in between carry the mark too, so it is looked for until there is none.
    """
    import psutil

    found = marked(root)
    for process in found:
        _quietly(process.terminate)
    psutil.wait_procs(found, timeout=grace)
    while left := marked(root):
        for process in left:
            _quietly(process.kill)
        psutil.wait_procs(left, timeout=grace)
    return len(found)


def _mark(process: Any) -> str | None:
    import psutil

    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        value: str | None = process.environ().get(MARK)
        return value
    except (psutil.Error, OSError):
        return None


def _quietly(act: Any) -> None:
    import psutil

    try:
        act()
    except psutil.Error:
        return
