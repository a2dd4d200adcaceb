"""`python dvc_that_dies.py N SHARE repro`: the dvc command, killed (SIGKILL) in its N-th writing of dvc.lock.

SHARE of the text is on the disk by then. It is the parent of every stage, as `dvc` itself would be.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import Any, TextIO

from dvc.cli import main
from dvc.utils.serialize import _yaml

LAST, SHARE = int(sys.argv[1]), float(sys.argv[2])
whole = _yaml._dump
written = 0


def cut_short(data: Any, stream: TextIO) -> None:
    global written
    if not str(stream.name).endswith("dvc.lock"):
        whole(data, stream)
        return
    written += 1
    if written < LAST:
        whole(data, stream)
        return
    text = io.StringIO()
    whole(data, text)
    stream.write(text.getvalue()[: int(SHARE * len(text.getvalue()))])
    stream.flush()
    os.killpg(0, signal.SIGKILL)


_yaml._dump = cut_short
sys.exit(main(sys.argv[3:]))
