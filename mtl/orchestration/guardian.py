"""A small process that outlives a killed DVC, just long enough to mend what the kill left cut short.

Bare `dvc repro` runs none of our code before it reads `dvc.lock`. So a stage leaves a guardian behind: in a session of
its own, where a kill of the process group does not reach it, it sleeps until DVC has ended (a pidfd says so), mends
DVC's files if they need it, and ends. One for each DVC process; on Linux only.
"""

from __future__ import annotations

import os
import select
import socket
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

END = 3
"""Where a guardian finds the pidfd of the process that it waits for."""
LATE = ("dvc.lock", "dvc.schema", "psutil", "ruamel.yaml")
"""What mending imports at the moment it needs it. A guardian has it in memory before it sleeps: it is then quick to mend
behind a kill, and mends also where the files of the environment have been changed or removed meanwhile."""


def guard(root: Path, pid: int) -> int | None:
    """See to it that a guardian waits for the end of process `pid`, a DVC at work in `root`. Its own number, if it is a new one."""
    if not hasattr(os, "pidfd_open") or not sys.platform.startswith("linux"):
        return None
    post = _post(pid)
    if post is None:
        return None
    post.close()
    actions: list[tuple[Any, ...]] = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in (0, 1, 2)]
    command = [sys.executable, "-m", __name__, str(root.resolve()), str(pid)]
    end = _end_of(pid)  # taken here, while the number is surely still DVC's
    if end is None:
        return os.posix_spawn(sys.executable, command, os.environ, file_actions=actions, setsid=True)
    try:
        actions.append((os.POSIX_SPAWN_DUP2, end, END))
        return os.posix_spawn(sys.executable, [*command, str(END)], os.environ, file_actions=actions, setsid=True)
    finally:
        os.close(end)


def _end_of(pid: int) -> int | None:
    """A pidfd, which tells of the process's end; None if it has ended."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def _post(pid: int) -> socket.socket | None:
    """The one post of a guardian of `pid`, None if it is taken. An abstract socket: it leaves no file, and frees itself."""
    post = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        post.bind(f"\0mtl-guardian-{pid}")
    except OSError:
        post.close()
        return None
    return post


def watch(root: Path, pid: int, end: int | None) -> None:
    """Sleep until the process has ended, as the pidfd `end` says (None: it had ended before), then mend."""
    post = _post(pid)
    if post is None:
        return
    from mtl.orchestration.heal import heal_dvc

    for name in LATE:
        import_module(name)
    with post:
        if end is not None:
            select.select([end], [], [])
    if root.is_dir():
        heal_dvc(root)


if __name__ == "__main__":
    watch(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
