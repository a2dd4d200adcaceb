from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from mtl.services.marked import end_marked, marked
from mtl.services.places import MARK

SLEEP = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
CHILD = f"subprocess.Popen([sys.executable, '-c', {SLEEP!r}], start_new_session=True)"
PARENT = f"import subprocess, sys; {CHILD}; print('ready', flush=True)"


def begin(root: Path, code: str) -> subprocess.Popen[str]:
    out = subprocess.PIPE if "ready" in code else subprocess.DEVNULL
    process = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {MARK: str(root)}, stdout=out, text=True)
    if process.stdout is not None:
        process.stdout.readline()
        process.stdout.close()
    return process


def test_all_that_carry_the_mark_end_also_orphans_and_those_that_will_not(tmp_path: Path) -> None:
    parent, stubborn = begin(tmp_path, PARENT), begin(tmp_path, STUBBORN)
    parent.wait()  # its child lives on, in a session of its own
    other = begin(tmp_path / "elsewhere", SLEEP)
    assert end_marked(tmp_path, grace=0.5) == 2
    assert stubborn.poll() is not None
    assert not marked(tmp_path)
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_dead_process_that_nobody_has_buried_is_none_of_them(tmp_path: Path) -> None:
    dead = begin(tmp_path, "pass")
    time.sleep(0.3)
    assert end_marked(tmp_path, grace=0.1) == 0
    dead.wait()
