"""What surrounds a registration: a DVC experiment, a git revision, a flow run, another registration."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mtl.errors import RegistryError
from mtl.layout import STATE
from mtl.process import FLOW_RUN

EXPERIMENT = ("DVC_EXP_NAME", "DVC_EXP_BASELINE_REV")
"""What DVC (3.67, repo/experiments/queue/base.py) tells the stages of an experiment, in the workspace, --temp and queue."""
LOCK = STATE / "registry.lock"
WAIT = 120.0


def in_experiment() -> bool:
    """Whether this process is a stage of `dvc exp run`."""
    return any(os.environ.get(name) for name in EXPERIMENT)


def flow_run() -> str | None:
    return os.environ.get(FLOW_RUN) or None


def git_revision(root: Path) -> tuple[str | None, bool | None]:
    """Revision, and whether tracked files differ from it; None without git.

    dvc.lock does not count as a difference: a run writes it, and the version stores it.
    """
    revision = git(root, "rev-parse", "HEAD")
    changed = git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude,glob)**/dvc.lock")
    return (revision.strip() if revision else None), (None if revision is None or changed is None else bool(changed.strip()))


def git(root: Path, *arguments: str) -> str | None:
    """What git prints; None if there is no git, no repository or no commit."""
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


@contextmanager
def held(root: Path, wait: float = WAIT) -> Iterator[None]:
    """One registration at a time in this folder. Raises RegistryError, which says who holds it, after `wait` seconds."""
    path = root / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + wait
    with path.open("a+") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    holder = path.read_text(errors="replace").strip() or "another process"
                    raise RegistryError(
                        "another registration is going on in this folder", expected=f"{LOCK} to be free within {wait:g} s",
                        found=f"it is held by {holder}", do="wait until that has ended, or end it, then run again",
                    ) from None  # fmt: skip
                time.sleep(0.05)
        file.truncate(0)
        file.write(f"process {os.getpid()}: {' '.join([Path(sys.argv[0]).name, *sys.argv[1:]])}")
        file.flush()
        yield
