"""The guardian: mends what a killed DVC left, and is soon gone."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mtl.orchestration.guardian import guard

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")

CUT_SHORT = "schema: '2.0'\nstages:\n  ingest@people:\n    cmd: exec mtl ingest people\n    outs:\n    - path: x\n      hash: md"


def guardians(pid: int) -> list[str]:
    """The processes that guard `pid`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if words[1:3] == ["-m", "mtl.orchestration.guardian"] and words[4] == str(pid):
            found.append(folder.name)
    return found


def until(pid: int, seconds: float = 60) -> bool:
    """Wait until there is a guardian of `pid`."""
    end = time.monotonic() + seconds
    while not (found := guardians(pid)) and time.monotonic() < end:
        time.sleep(0.05)
    return bool(found)


def ended(child: int, seconds: float = 60) -> bool:
    """Wait for the end of a process that this one has begun."""
    with os.fdopen(os.pidfd_open(child)) as end:
        return bool(select.select([end], [], [], seconds)[0])


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A folder whose guarded process was killed while it wrote dvc.lock."""
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as dvc:
        guardian = guard(tmp_path, dvc.pid)
        assert guardian is not None
        assert until(dvc.pid)
        time.sleep(1)  # it has taken its post
        assert guard(tmp_path, dvc.pid) is None
        assert len(guardians(dvc.pid)) == 1
        (tmp_path / "dvc.lock").write_text(CUT_SHORT)
        dvc.kill()
    assert ended(guardian)
    return tmp_path


def test_a_lock_cut_short_is_put_aside_and_the_guardian_ends(killed: Path) -> None:
    assert not (killed / "dvc.lock").exists()
    assert (killed / ".mtl/dvc.lock.broken").read_text() == CUT_SHORT


def test_a_process_that_is_gone_needs_no_guardian_for_long(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    guardian = guard(tmp_path, gone.pid)
    assert guardian is not None
    assert ended(guardian)
