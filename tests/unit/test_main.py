"""How the command's process ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FIRST = (
    "import atexit, sys; import mtl.__main__ as it; it.main = lambda: {}; atexit.register(lambda: print('cleared away')); it.run()"
)


@pytest.mark.parametrize(
    ("does", "code", "said"),
    [
        ("print('done')", 0, "done\ncleared away\n"),
        ("sys.exit(3)", 3, "cleared away\n"),
        ("sys.exit('bad')", 1, "cleared away\n"),
        ("1 / 0", 1, "cleared away\n"),
        ("__import__('threading').Timer(0.2, lambda: print('late')).start()", 0, "late\ncleared away\n"),
    ],
)
def test_what_is_to_be_done_at_the_end_is_done(does: str, code: int, said: str) -> None:
    done = subprocess.run([sys.executable, "-c", FIRST.format(does)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, said)
    assert ("Traceback" in done.stderr) is (does == "1 / 0")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_no_success() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", FIRST.format("print('done')")], stdout=full, check=False, stderr=subprocess.PIPE
        )
    assert done.returncode != 0
