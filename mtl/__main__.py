"""The command's own process: `mtl …` and `python -m mtl …` come in here and leave here."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from typing import NoReturn

from mtl.cli import main


def run() -> NoReturn:
    """Run the command, then leave at once: to take torch's or MLflow's heap apart object by object costs half a second a stage.

    What is to be done at the end is done, as at an ordinary exit; which it is where a thread must not be cut off.
    """
    try:
        main()
        code: str | int | None = 0
    except SystemExit as ended:
        code = ended.code
    if isinstance(code, str) or any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        sys.exit(code)
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # whoever listened is gone, or the disk is full: Python's own exit says so
        sys.exit(code)
    os._exit(code or 0)


if __name__ == "__main__":
    run()
