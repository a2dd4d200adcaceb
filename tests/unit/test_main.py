"""How the command's process ends."""

from __future__ import annotations

import os
import subprocess
import sys

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


def test_words_that_nobody_could_be_told_are_no_success() -> None:
    there, here = os.pipe()
    os.close(there)
    done = subprocess.run([sys.executable, "-c", FIRST.format("print('done')")], stdout=here, stderr=subprocess.PIPE, check=False)
    os.close(here)
    assert done.returncode != 0
