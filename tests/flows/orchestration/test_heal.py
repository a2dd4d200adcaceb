"""DVC's own files after a kill -9 in the wrong millisecond."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mtl.orchestration.graph import read_plan
from mtl.orchestration.heal import RWLOCK, heal_dvc
from mtl.orchestration.stage import run_stage

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # pygtrie's, called by DVC


def rwlock(toy: Path, content: str) -> Path:
    path = toy / RWLOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


@pytest.mark.parametrize("content", ["", '{"write": {"/a', "\x00\x00"])
def test_an_rwlock_cut_short_is_removed(toy: Path, content: str) -> None:
    path = rwlock(toy, content)
    assert len(heal_dvc(toy)) == 1
    assert not path.exists()
    assert run_stage(toy, "ingest@people").what == "ran"


def test_entries_of_the_dead_and_of_other_programs_go_those_of_a_living_dvc_stay(toy: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    lives = "import time; print('up', flush=True); time.sleep(30)"
    with subprocess.Popen([sys.executable, "-c", lives, "dvc"], stdout=subprocess.PIPE) as living:
        assert living.stdout is not None
        living.stdout.readline()  # while it is being started the kernel may not tell its command line yet
        here = {
            name: {"pid": pid, "cmd": "dvc repro"} for name, pid in (("/d", dead.pid), ("/o", os.getppid()), ("/l", living.pid))
        }
        path = rwlock(toy, json.dumps({"write": here, "read": {"/d": [here["/d"]], "/x": [here["/l"], here["/d"]]}}))
        assert len(heal_dvc(toy)) == 1
        assert json.loads(path.read_text()) == {"write": {"/l": here["/l"]}, "read": {"/x": [here["/l"]]}}
        assert heal_dvc(toy) == []
        living.kill()


def test_a_lock_cut_short_anywhere_is_no_obstacle(toy: Path) -> None:
    """The plan can be read, and what was made is restored, not made again."""
    for stage in ("ingest@people", "ingest@labs"):
        run_stage(toy, stage)
    whole = (toy / "dvc.lock").read_text()
    for end in range(0, len(whole), max(1, len(whole) // 25)):
        (toy / "dvc.lock").write_text(whole[:end])
        heal_dvc(toy)
        assert set(read_plan(toy).needs) == {"ingest@people", "ingest@labs", "split", "train", "trees"}
    (toy / "dvc.lock").write_text(whole[: len(whole) // 2] + "\n  : [")
    assert len(heal_dvc(toy)) == 1
    assert (toy / ".mtl/dvc.lock.broken").is_file()
    assert run_stage(toy, "ingest@people").what == "restored"


def test_what_a_living_dvc_is_writing_is_left_alone(toy: Path) -> None:
    """Its dvc.lock looks cut short half-way through."""
    run_stage(toy, "ingest@people")
    half = (toy / "dvc.lock").read_text()[:-20]
    hold = "import sys, time, zc.lockfile; kept = zc.lockfile.LockFile('.dvc/tmp/lock'); print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", hold], cwd=toy, stdout=subprocess.PIPE) as living:
        assert living.stdout is not None
        living.stdout.readline()
        (toy / "dvc.lock").write_text(half)
        assert heal_dvc(toy) == []
        assert (toy / "dvc.lock").read_text() == half
        living.kill()
    assert len(heal_dvc(toy)) == 1


def test_nothing_to_mend(toy: Path) -> None:
    assert heal_dvc(toy) == []
    run_stage(toy, "ingest@people")
    assert heal_dvc(toy) == []
