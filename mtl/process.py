"""A process that does not outlive the one that started it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
"""linux/prctl.h: the signal a process gets when the thread that forked it ends."""
PARENT = "MTL_PARENT_PID"
"""Environment variable by which a parent that knows its own pid closes the race at the child's start."""

FLOW_RUN = "MTL_FLOW_RUN"
"""Environment variable by which a flow tells its stages its name, for the lineage of what they register."""


def die_with_parent() -> None:
    """From here on the kernel kills (SIGKILL) this process when its parent ends; does nothing outside Linux.

    A stage calls it first thing, so that no training goes on after the run that wanted it is gone. The setting
    survives exec, is not inherited by children, and comes too late for a parent that is already gone: that is
    looked for afterwards, and this process then ends itself.
    """
    if not sys.platform.startswith("linux"):
        return
    before = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        return  # a sandbox that forbids prctl: no worse off than before
    if os.getppid() != before or _orphaned():
        os.kill(os.getpid(), signal.SIGKILL)


def _orphaned() -> bool:
    """Whether the parent was gone before this process could ask."""
    parent = os.getppid()
    told = os.environ.get(PARENT, "")
    if told.isdigit():
        return parent != int(told) and not _alive(int(told))
    # A stage of DVC whose parent is process 1: an orphan, unless DVC itself is process 1 (a container's command).
    return parent == 1 and "DVC_STAGE" in os.environ and b"dvc" not in _command_line(1)


def _alive(pid: int) -> bool:
    """Whether a process of this number runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
