"""A stage does not outlive what started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mtl.process import PARENT

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is Linux's")

STAGE = "import sys, time; from mtl.process import die_with_parent; die_with_parent(); print('up', flush=True); time.sleep(60)"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def gone(pid: int, within: float = 5.0) -> bool:
    until = time.monotonic() + within
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not alive(pid)


def parent_of_a_stage(command: str) -> tuple[subprocess.Popen[str], int]:
    """A process that starts `command` in a shell as DVC does and waits; and the pid its stage has."""
    code = f"import subprocess as s; p = s.Popen({['/bin/sh', '-c', command]!r}); print(p.pid, flush=True); p.wait()"
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    lines = sorted([parent.stdout.readline().strip(), parent.stdout.readline().strip()])
    assert lines[1] == "up"
    return parent, int(lines[0])


@linux
def test_kill_9_of_the_parent_ends_the_stage_behind_a_shell() -> None:
    parent, stage = parent_of_a_stage(f'exec {sys.executable} -c "{STAGE}"')
    try:
        assert alive(stage)
        parent.kill()
        parent.wait()
        assert gone(stage)
    finally:
        if parent.stdout:
            parent.stdout.close()
        if alive(stage):
            os.kill(stage, signal.SIGKILL)


@linux
def test_a_parent_that_was_gone_before_the_stage_could_ask(tmp_path: Path) -> None:
    """The race at the start: the parent's pid is known, and no such process runs any more."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    done = subprocess.run([sys.executable, "-c", STAGE], env=os.environ | {PARENT: str(dead.pid)}, timeout=20, check=False)
    assert done.returncode == -signal.SIGKILL


@linux
def test_a_living_parent_further_up_is_no_reason_to_die() -> None:
    code = STAGE.replace("time.sleep(60)", "pass")
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | {PARENT: str(os.getppid())}, timeout=20, check=False)
    assert done.returncode == 0


def test_elsewhere_it_does_nothing() -> None:
    code = STAGE.replace("time.sleep(60)", "pass").replace("from mtl", "sys.platform = 'darwin'; from mtl")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
