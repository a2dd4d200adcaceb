"""One run a workspace, and a word on who holds it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mtl.orchestration.lock import LOCK, WorkspaceBusyError, workspace_lock

HOLD = (
    "import sys, time; from pathlib import Path; from mtl.orchestration.lock import workspace_lock\n"
    "with workspace_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
)


def holder(root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_told_who_holds_it_and_kill_9_frees_it(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        with pytest.raises(WorkspaceBusyError) as error, workspace_lock(tmp_path):
            pass
        assert f"process {first.pid} since " in str(error.value)
        assert "-c" in error.value.found
        assert error.value.exit_code == 1
        first.kill()
        first.wait()
    with workspace_lock(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()


def test_the_same_process_may_hold_it_twice(tmp_path: Path) -> None:
    with workspace_lock(tmp_path):
        with workspace_lock(tmp_path):
            pass
        code = HOLD.replace("time.sleep(60)", "pass")
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
        assert done.returncode != 0, "the inner block must not have let go"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=False).returncode == 0


def test_another_workspace_is_another_lock(tmp_path: Path) -> None:
    with workspace_lock(tmp_path / "a"), workspace_lock(tmp_path / "b"):
        pass
